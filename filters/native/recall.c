/* Words of texts for fastText, and scores of texts by a collapsed model, without the interpreter.
 *
 * The twin of filters/recall/words.py and filters/recall/score.py, value for value: change both or
 * neither. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "../../corpus/native/characters.h"
#include "../../corpus/native/column.h"

#define NUMBER "<NUM>"
#define END_OF_LINE "</s>"
#define LABEL "__label__"
#define NGRAM_MULTIPLIER UINT64_C(116049371)
#define MAX_GRAM 8

/* Writes the words of a text, a space between them; at most 4 * size + 8 bytes, since a number of
 * one digit has 6 and at least one character of another kind behind it. */
static size_t write_words(const uint8_t *text, size_t size, uint8_t *out) {
    enum { NONE, LETTERS, DIGITS } inside = NONE;
    size_t written = 0, at = 0;
    while (at < size) {
        uint32_t entry = code_table[next_code(text, size, &at)];
        uint32_t lower = entry & 0xFFFFFF, class = entry >> CLASS_SHIFT;
        if (class == CLASS_SPACE) {
            inside = NONE;
            continue;
        }
        int is_digit = lower - '0' < 10u;
        int is_letter = !is_digit && class == CLASS_RUN && lower != '_';
        if (is_digit && inside == DIGITS)
            continue;
        if (written && !(is_letter && inside == LETTERS))
            out[written++] = ' ';
        inside = is_digit ? DIGITS : is_letter ? LETTERS : NONE;
        if (is_digit) {
            memcpy(out + written, NUMBER, sizeof NUMBER - 1);
            written += sizeof NUMBER - 1;
        } else {
            written += write_utf8(out + written, lower);
        }
    }
    return written;
}

/* words(data, offsets, out, out_offsets): writes the words of every text, and where they end.
 * `out` has 4 bytes for each of the data and 8 for each text. Returns the bytes written. */
static PyObject *words(PyObject *module, PyObject *arguments) {
    struct column column;
    Py_buffer out, ends;
    if (!PyArg_ParseTuple(arguments, "y*y*w*w*", &column.data, &column.offsets, &out, &ends))
        return NULL;
    int fits = check_column(&column);
    size_t written = 0;
    if (fits && !code_table) {
        PyErr_SetString(PyExc_RuntimeError, "set_characters was not called");
        fits = 0;
    } else if (fits && ((size_t)out.len < 4 * (size_t)column.data.len + 8 * column.num_texts ||
                        (size_t)ends.len < 8 * (column.num_texts + 1))) {
        PyErr_SetString(PyExc_ValueError, "an output is too small");
        fits = 0;
    }
    if (fits) {
        int64_t *stops = ends.buf;
        Py_BEGIN_ALLOW_THREADS;
        stops[0] = 0;
        for (size_t i = 0; i < column.num_texts; i++) {
            int64_t start = column.starts[i];
            written += write_words(column.bytes + start, (size_t)(column.starts[i + 1] - start),
                                   (uint8_t *)out.buf + written);
            stops[i + 1] = (int64_t)written;
        }
        Py_END_ALLOW_THREADS;
    }
    close_column(&column);
    PyBuffer_Release(&out);
    PyBuffer_Release(&ends);
    return fits ? PyLong_FromSize_t(written) : NULL;
}

/* A model whose matrices are one table: a row a word, then a row a bucket of word n-grams. */
struct model {
    struct column words;
    const uint64_t *slots; /* hash << 32 | word + 1, or 0 where empty */
    size_t mask, num_targets, num_rows;
    const float *table;
    uint64_t num_buckets, reciprocal;
    size_t max_gram;
};

#define HASH_START 2166136261u

/* fastText widens its bytes as signed ones. */
static inline uint32_t hash_byte(uint32_t hash, uint8_t byte) {
    return (hash ^ (uint32_t)(int32_t)(int8_t)byte) * 16777619u;
}

static inline uint32_t hash_bytes(const uint8_t *bytes, size_t size) {
    uint32_t hash = HASH_START;
    for (size_t i = 0; i < size; i++)
        hash = hash_byte(hash, bytes[i]);
    return hash;
}

/* Returns the number of a word of the model, or -1. */
static inline int64_t find_word(const struct model *model, uint32_t hash, const uint8_t *bytes,
                                size_t size) {
    for (size_t slot = hash & model->mask; model->slots[slot]; slot = (slot + 1) & model->mask) {
        if (model->slots[slot] >> 32 != hash)
            continue;
        int64_t word = (int64_t)(model->slots[slot] & 0xFFFFFFFF) - 1;
        int64_t start = model->words.starts[word];
        if ((size_t)(model->words.starts[word + 1] - start) == size &&
            !memcmp(model->words.bytes + start, bytes, size))
            return word;
    }
    return -1;
}

static inline uint64_t modulo(uint64_t value, const struct model *model) {
#if defined(__SIZEOF_INT128__)
    uint64_t quotient = (uint64_t)((unsigned __int128)value * model->reciprocal >> 64);
    uint64_t rest = value - quotient * model->num_buckets;
    while (rest >= model->num_buckets)
        rest -= model->num_buckets;
    return rest;
#else
    return value % model->num_buckets;
#endif
}

/* Rows that a text adds, fetched ahead: the table lies outside the near caches. */
#define MAX_PENDING 128

/* The sums of a text's rows, apart for each length of n-gram, and what the next n-grams need. */
struct sums {
    double *values; /* [MAX_GRAM, num_targets] */
    int64_t num_rows;
    uint64_t open[MAX_GRAM]; /* the n-gram of j + 1 words that the last word ends */
    size_t num_open, num_pending;
    size_t pending[MAX_PENDING]; /* row * MAX_GRAM + length of its n-gram - 1 */
};

static inline void add_pending(struct sums *sums, const struct model *model, size_t num_targets) {
    for (size_t i = 0; i < sums->num_pending; i++) {
        const float *values = model->table + sums->pending[i] / MAX_GRAM * num_targets;
        double *into = sums->values + sums->pending[i] % MAX_GRAM * num_targets;
        for (size_t j = 0; j < num_targets; j++)
            into[j] += values[j];
    }
    sums->num_rows += (int64_t)sums->num_pending;
    sums->num_pending = 0;
}

static inline void add_row(struct sums *sums, const struct model *model, size_t gram, size_t row,
                           size_t num_targets) {
#if defined(__GNUC__)
    __builtin_prefetch(model->table + row * num_targets);
#endif
    sums->pending[sums->num_pending++] = row * MAX_GRAM + gram;
    if (sums->num_pending == MAX_PENDING)
        add_pending(sums, model, num_targets);
}

static inline void add_word(struct sums *sums, const struct model *model, uint32_t hash,
                            const uint8_t *bytes, size_t size, size_t num_targets) {
    uint64_t signed_hash = (uint64_t)(int64_t)(int32_t)hash;
    int64_t word = find_word(model, hash, bytes, size);
    if (word >= 0)
        add_row(sums, model, 0, (size_t)word, num_targets);
    size_t longest = sums->num_open < model->max_gram - 1 ? sums->num_open : model->max_gram - 1;
    for (size_t gram = longest; gram; gram--) {
        sums->open[gram] = sums->open[gram - 1] * NGRAM_MULTIPLIER + signed_hash;
        size_t row = model->words.num_texts + (size_t)modulo(sums->open[gram], model);
        add_row(sums, model, gram, row, num_targets);
    }
    sums->open[0] = signed_hash;
    sums->num_open = longest + 1;
}

static inline int is_space(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r') || byte == 0;
}

/* Adds the words of one line as fastText's dictionary reads it, its end of line among them. */
static inline void add_line(struct sums *sums, const struct model *model, const uint8_t *text,
                            size_t size, size_t num_targets) {
    static const uint8_t end_of_line[] = END_OF_LINE;
    const size_t end_size = sizeof END_OF_LINE - 1, label_size = sizeof LABEL - 1;
    for (size_t at = 0; at < size;) {
        if (text[at] == '\n')
            break;
        if (is_space(text[at])) {
            at++;
            continue;
        }
        size_t start = at;
        uint32_t hash = HASH_START;
        for (; at < size && !is_space(text[at]); at++)
            hash = hash_byte(hash, text[at]);
        size_t length = at - start;
        if (length == end_size && !memcmp(text + start, end_of_line, end_size))
            break;
        if (length >= label_size && !memcmp(text + start, LABEL, label_size))
            continue;
        add_word(sums, model, hash, text + start, length, num_targets);
    }
    add_word(sums, model, hash_bytes(end_of_line, end_size), end_of_line, end_size, num_targets);
}

static inline void score_texts(const struct column *column, const struct model *model,
                               size_t num_targets, double *scratch, double *out, int64_t *counts) {
    for (size_t i = 0; i < column->num_texts; i++) {
        int64_t start = column->starts[i];
        struct sums sums;
        sums.values = scratch;
        sums.num_rows = 0;
        sums.num_open = sums.num_pending = 0;
        memset(scratch, 0, MAX_GRAM * num_targets * sizeof *scratch);
        add_line(&sums, model, column->bytes + start, (size_t)(column->starts[i + 1] - start),
                 num_targets);
        add_pending(&sums, model, num_targets);
        for (size_t j = 0; j < num_targets; j++) {
            double total = 0;
            for (size_t gram = 0; gram < model->max_gram; gram++)
                total += scratch[gram * num_targets + j];
            out[i * num_targets + j] = total;
        }
        counts[i] = sums.num_rows;
    }
}

static int check_model(const struct model *model, const Py_buffer *table, const Py_buffer *slots) {
    size_t num_slots = (size_t)slots->len / 8, num_words = model->words.num_texts;
    if (num_slots <= num_words || num_slots & (num_slots - 1))
        PyErr_SetString(PyExc_ValueError, "slots are a power of two, more than words");
    else if (!model->num_targets || !model->max_gram || model->max_gram > MAX_GRAM ||
             (model->max_gram > 1 && !model->num_buckets))
        PyErr_SetString(PyExc_ValueError, "the model has a size that it cannot have");
    else if ((size_t)table->len / 4 / model->num_targets < num_words + model->num_buckets)
        PyErr_SetString(PyExc_ValueError, "the table is too small");
    else
        return 1;
    return 0;
}

/* score(data, offsets, words, word_offsets, slots, table, targets, buckets, longest, sums, counts):
 * fills sums [n, targets] with the sum of each text's rows and counts [n] with their number. */
static PyObject *score(PyObject *module, PyObject *arguments) {
    struct column column;
    struct model model;
    Py_buffer slots, table, out, counts;
    Py_ssize_t num_targets, num_buckets, max_gram;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*y*y*nnnw*w*", &column.data, &column.offsets,
                          &model.words.data, &model.words.offsets, &slots, &table, &num_targets,
                          &num_buckets, &max_gram, &out, &counts))
        return NULL;
    model.slots = slots.buf;
    model.mask = (size_t)slots.len / 8 - 1;
    model.table = table.buf;
    model.num_targets = num_targets > 0 ? (size_t)num_targets : 0;
    model.num_buckets = num_buckets > 0 ? (uint64_t)num_buckets : 0;
    model.reciprocal = model.num_buckets ? UINT64_MAX / model.num_buckets : 0;
    model.max_gram = max_gram > 0 ? (size_t)max_gram : 0;
    int fits = check_column(&column) && check_column(&model.words) &&
               check_model(&model, &table, &slots);
    if (fits && ((size_t)out.len / 8 / model.num_targets < column.num_texts ||
                 (size_t)counts.len < 8 * column.num_texts)) {
        PyErr_SetString(PyExc_ValueError, "an output is too small");
        fits = 0;
    }
    double *scratch = fits ? PyMem_Malloc(MAX_GRAM * model.num_targets * sizeof *scratch) : NULL;
    if (scratch) {
        Py_BEGIN_ALLOW_THREADS;
        if (model.num_targets == 1) /* a constant, so that the loops over targets vanish */
            score_texts(&column, &model, 1, scratch, out.buf, counts.buf);
        else
            score_texts(&column, &model, model.num_targets, scratch, out.buf, counts.buf);
        Py_END_ALLOW_THREADS;
        PyMem_Free(scratch);
    }
    close_column(&column);
    close_column(&model.words);
    PyBuffer_Release(&slots);
    PyBuffer_Release(&table);
    PyBuffer_Release(&out);
    PyBuffer_Release(&counts);
    if (!fits)
        return NULL;
    if (!scratch)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

/* index_words(words, word_offsets, slots): fills empty slots, a power of two and more than words,
 * so that score() finds the words; of equal words the first counts. */
static PyObject *index_words(PyObject *module, PyObject *arguments) {
    struct model model;
    Py_buffer slots;
    if (!PyArg_ParseTuple(arguments, "y*y*w*", &model.words.data, &model.words.offsets, &slots))
        return NULL;
    size_t num_slots = (size_t)slots.len / 8;
    int fits = check_column(&model.words);
    if (fits && (num_slots <= model.words.num_texts || num_slots & (num_slots - 1))) {
        PyErr_SetString(PyExc_ValueError, "slots are a power of two, more than words");
        fits = 0;
    }
    if (fits) {
        uint64_t *table = slots.buf;
        model.slots = table;
        model.mask = num_slots - 1;
        memset(table, 0, 8 * num_slots);
        for (size_t i = 0; i < model.words.num_texts; i++) {
            const uint8_t *bytes = model.words.bytes + model.words.starts[i];
            size_t size = (size_t)(model.words.starts[i + 1] - model.words.starts[i]);
            uint32_t hash = hash_bytes(bytes, size);
            if (find_word(&model, hash, bytes, size) >= 0)
                continue;
            size_t slot = hash & model.mask;
            while (table[slot])
                slot = (slot + 1) & model.mask;
            table[slot] = (uint64_t)hash << 32 | (i + 1);
        }
    }
    close_column(&model.words);
    PyBuffer_Release(&slots);
    if (!fits)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"words", words, METH_VARARGS, "Write the words of every text of a column."},
    {"index_words", index_words, METH_VARARGS, "Make the words of a model findable."},
    {"score", score, METH_VARARGS, "Sum the rows of every text of a column."},
    {"set_characters", set_characters, METH_O, "Set the table of code points."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_recall", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__recall(void) { return PyModule_Create(&definition); }
