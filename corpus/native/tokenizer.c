/* Token ids of an Arrow string column in one pass, without the interpreter. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NUM_CODES 0x110000

#include "trie.h"

#include "bpe.h"
#include "cache.h"
#include "column.h"
#include "pieces.h"
#include "plain.h"
#include "valid.h"

#include "encode.h"
#include "vocabulary.h"

#define CAPSULE "gristmill.vocabulary"
#define MIN_CACHE_BYTES ((size_t)8 << MIN_NEIGHBOUR_BITS)

static void free_capsule(PyObject *capsule) {
    free_vocabulary(PyCapsule_GetPointer(capsule, CAPSULE));
}

/* Whether an order names tokens by their bytes, each after a lesser one. */
static int is_order(const int32_t *order, const struct column *tokens) {
    const int64_t *starts = tokens->starts;
    for (size_t i = 0; i < tokens->num_texts; i++) {
        if (order[i] < 0 || (size_t)order[i] >= tokens->num_texts)
            return 0;
        if (!i)
            continue;
        int64_t last = order[i - 1], size = starts[order[i] + 1] - starts[order[i]];
        int64_t last_size = starts[last + 1] - starts[last];
        int order_of_both = memcmp(tokens->bytes + starts[last], tokens->bytes + starts[order[i]],
                                   (size_t)(last_size < size ? last_size : size));
        if (order_of_both > 0 || (!order_of_both && last_size >= size))
            return 0;
    }
    return 1;
}

/* Makes a vocabulary of checked sizes; an exception is set where it returns NULL. */
static struct vocabulary *fill_vocabulary(const struct column *tokens, const Py_buffer *parts) {
    size_t num = tokens->num_texts;
    struct vocabulary *made = new_vocabulary(num);
    if (!made) {
        PyErr_NoMemory();
        return NULL;
    }
    const int32_t *lefts = parts[0].buf, *rights = parts[1].buf;
    for (size_t i = 0; i < num; i++)
        made->tokens[i] = (struct token){.left = lefts[i], .right = rights[i]};
    memcpy(made->classes, parts[3].buf, NUM_CODES);
    made->is_plain = is_plain_table(made->classes);
    if (!check_merges(made, tokens) || !is_order(parts[2].buf, tokens))
        PyErr_SetString(PyExc_ValueError, "a token is neither a byte nor a merge of earlier ones");
    else if (!index_tokens(made, tokens, parts[2].buf))
        PyErr_NoMemory();
    else
        return made;
    free_vocabulary(made);
    return NULL;
}

/* vocabulary(data, offsets, lefts, rights, order, classes): the tokens' bytes, what each is merged
 * of, their order by their bytes, and the class of each code point, as what encode() takes. */
static PyObject *make_vocabulary(PyObject *module, PyObject *arguments) {
    struct column tokens;
    Py_buffer parts[4];
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*y*y*", &tokens.data, &tokens.offsets, &parts[0],
                          &parts[1], &parts[2], &parts[3]))
        return NULL;
    struct vocabulary *made = NULL;
    if (check_column(&tokens)) {
        Py_ssize_t size = 4 * (Py_ssize_t)tokens.num_texts;
        if (!size || size >= 4 * MAX_TOKENS || parts[0].len != size || parts[1].len != size ||
            parts[2].len != size || parts[3].len != NUM_CODES ||
            (size_t)tokens.data.len > MAX_NODES / 4)
            PyErr_SetString(PyExc_ValueError, "the tables do not fit each other");
        else
            made = fill_vocabulary(&tokens, parts);
    }
    close_column(&tokens);
    for (int i = 0; i < 4; i++)
        PyBuffer_Release(&parts[i]);
    PyObject *capsule = made ? PyCapsule_New(made, CAPSULE, free_capsule) : NULL;
    if (made && !capsule)
        free_vocabulary(made);
    return capsule;
}

static size_t longest_text(const struct column *column) {
    int64_t longest = 0;
    for (size_t i = 0; i < column->num_texts; i++) {
        int64_t size = column->starts[i + 1] - column->starts[i];
        longest = size > longest ? size : longest;
    }
    return (size_t)longest;
}

/* Checks that there is room for a token of each byte, and for a cached piece behind them. */
static int check_outputs(const struct column *column, const Py_buffer *kept, const Py_buffer *out,
                         const Py_buffer *out_starts) {
    size_t num = column->num_texts, kept_size = (size_t)kept->len;
    size_t num_bytes = num ? (size_t)(column->starts[num] - column->starts[0]) : 0;
    if ((size_t)out->len < 4 * (num_bytes + MAX_CACHED_TOKENS) ||
        (size_t)out_starts->len != 8 * (num + 1))
        PyErr_SetString(PyExc_ValueError, "an output is too small");
    else if (kept_size & (kept_size - 1) || kept_size < MIN_CACHE_BYTES)
        PyErr_SetString(PyExc_ValueError, "the cache is no power of two, or too small");
    else
        return 1;
    return 0;
}

/* Gives half of what is kept to pieces and half to neighbours. */
static struct encoder make_encoder(const struct vocabulary *vocabulary, const Py_buffer *kept,
                                   uint64_t *dead) {
    size_t half = (size_t)kept->len / 2;
    struct encoder encoder = {vocabulary, {.entries = kept->buf}, {.bits = 0}, dead};
    encoder.known.entries = (uint32_t *)((char *)kept->buf + half);
    while (((size_t)2 << encoder.cache.bits) * sizeof(struct cached) < half)
        encoder.cache.bits++;
    while (((size_t)1 << encoder.known.bits) * sizeof *encoder.known.entries < half)
        encoder.known.bits++;
    return encoder;
}

/* encode(vocabulary, cache, data, offsets, out, out_offsets): writes the tokens of a large string
 * column; returns the number of the text that is not UTF-8, or of texts, and how many pieces were
 * in the cache and how many were not. One cache serves one call at a time. */
static PyObject *encode(PyObject *module, PyObject *arguments) {
    PyObject *capsule;
    Py_buffer kept, out, out_starts;
    struct column column;
    if (!PyArg_ParseTuple(arguments, "Ow*y*y*w*w*", &capsule, &kept, &column.data, &column.offsets,
                          &out, &out_starts))
        return NULL;
    const struct vocabulary *vocabulary = PyCapsule_GetPointer(capsule, CAPSULE);
    int fits = vocabulary && check_column(&column) &&
               check_outputs(&column, &kept, &out, &out_starts);
    uint64_t *dead = fits ? calloc(longest_text(&column) / 64 + 2, sizeof *dead) : NULL;
    size_t num_texts = 0;
    struct encoder encoder = make_encoder(vocabulary, &kept, dead);
    if (dead) {
        Py_BEGIN_ALLOW_THREADS;
        num_texts = encode_texts(&encoder, &column, out.buf, out_starts.buf);
        Py_END_ALLOW_THREADS;
        free(dead);
    }
    close_column(&column);
    PyBuffer_Release(&kept);
    PyBuffer_Release(&out);
    PyBuffer_Release(&out_starts);
    if (!fits)
        return NULL;
    if (!dead)
        return PyErr_NoMemory();
    return Py_BuildValue("nLL", (Py_ssize_t)num_texts, (long long)encoder.cache.num_hits,
                         (long long)encoder.cache.num_misses);
}

/* count_pieces(vocabulary, data, offsets): how many pieces the texts of a column have. */
static PyObject *count_pieces(PyObject *module, PyObject *arguments) {
    PyObject *capsule;
    struct column column;
    if (!PyArg_ParseTuple(arguments, "Oy*y*", &capsule, &column.data, &column.offsets))
        return NULL;
    const struct vocabulary *vocabulary = PyCapsule_GetPointer(capsule, CAPSULE);
    int fits = vocabulary && check_column(&column);
    long long num_pieces = 0;
    for (size_t i = 0; fits && i < column.num_texts; i++) {
        size_t start = (size_t)column.starts[i], room = (size_t)column.data.len - start;
        struct text text = {column.bytes + start, vocabulary->classes,
                            (size_t)column.starts[i + 1] - start};
        if (valid_until(text.bytes, text.size) < text.size)
            continue;
        for (size_t at = 0; at < text.size; num_pieces++) {
            uint64_t cuts = cuts_at(&text, at, room - at, vocabulary->is_plain);
            if (!cuts) {
                at = piece_end(&text, at);
                continue;
            }
            num_pieces += __builtin_popcountll(cuts) - 1;
            at += BLOCK - 1 - (size_t)__builtin_clzll(cuts);
        }
    }
    close_column(&column);
    return fits ? PyLong_FromLongLong(num_pieces) : NULL;
}

static PyMethodDef methods[] = {
    {"vocabulary", make_vocabulary, METH_VARARGS, "Index tokens and merges."},
    {"encode", encode, METH_VARARGS, "Write the tokens of every text of a column."},
    {"count_pieces", count_pieces, METH_VARARGS, "Count the pieces of the texts of a column."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_tokenizer", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__tokenizer(void) {
    make_masks();
    return PyModule_Create(&definition);
}
