/* Words, shingles and sketches of an Arrow string column in one pass, without the interpreter.
 *
 * The twin of dedup/shingles.py and dedup/sketch.py, value for value: change both or neither. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define WORD_SEED UINT64_C(0x9E3779B97F4A7C15)
#define WORD_FIRST UINT64_C(0xD6E8FEB86659FD93)
#define WORD_SECOND UINT64_C(0xBF58476D1CE4E5B9)
#define SHORT_TEXT UINT64_C(0x94D049BB133111EB)
#define ROUND_STEP UINT64_C(0x9E3779B97F4A7C15)
#define EMPTY UINT32_MAX
#define NO_START SIZE_MAX
#define LANES 32
#define NUM_CODES 0x110000
#define SYMBOL_SHARE 4

enum { CLASS_SPACE, CLASS_SYMBOL, CLASS_RUN, CLASS_SINGLE };

/* Of every code point: its lower case and, in the upper bits, its class. */
static const uint32_t *code_table;
#define CLASS_SHIFT 24

struct character {
    uint32_t lower;
    int class;
};

struct scratch {
    uint8_t *lower;
    uint64_t *in_word, *begins, *hashes;
    size_t capacity, mask_bytes, size;
    uint64_t num_visible, num_word_bytes;
};

static inline uint64_t load64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, 8);
    return value;
}

static inline uint64_t rotate(uint64_t value, unsigned bits) {
    return bits ? value << bits | value >> (64 - bits) : value;
}

static inline uint64_t mix64(uint64_t value) {
    value = (value ^ value >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ value >> 27) * UINT64_C(0x94D049BB133111EB);
    return value ^ value >> 31;
}

/* Decodes the character at *at and moves behind it; Arrow has checked that the text is UTF-8. */
static inline struct character next_character(const uint8_t *text, size_t size, size_t *at) {
    uint32_t code = text[*at];
    size_t length = code < 0x80 ? 1 : code < 0xE0 ? 2 : code < 0xF0 ? 3 : 4;
    if (*at + length > size)
        length = 1;
    if (length > 1) {
        code &= 0x7F >> length;
        for (size_t i = 1; i < length; i++)
            code = code << 6 | (text[*at + i] & 0x3F);
    }
    *at += length;
    uint32_t entry = code_table[code < NUM_CODES ? code : 0xFFFD];
    return (struct character){entry & 0xFFFFFF, (int)(entry >> CLASS_SHIFT)};
}

static inline size_t write_utf8(uint8_t *out, uint32_t code) {
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i; i--) {
        out[i] = (uint8_t)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (uint8_t)((0xF00 >> length) | code);
    return length;
}

typedef size_t shingle_function(const uint8_t *, size_t, size_t, struct scratch *);
typedef void fast_function(const uint64_t *, size_t, uint64_t, uint32_t, int, uint32_t *);
typedef void permutation_function(const uint64_t *, size_t, uint32_t, const uint32_t *,
                                  const uint32_t *, uint32_t *);

#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_TARGETS 1
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,bmi,bmi2,lzcnt,popcnt")
#define KERNEL_AVX2
#define NAME(name) name##_avx512
#include "kernel.h"
#undef NAME
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt")
#define NAME(name) name##_avx2
#include "kernel.h"
#undef NAME
#undef KERNEL_AVX2
#pragma GCC pop_options
#endif
#define NAME(name) name##_scalar
#include "kernel.h"
#undef NAME

struct target {
    const char *name;
    shingle_function *shingles;
    fast_function *fast;
    permutation_function *permutations;
};

static const struct target targets[] = {
#if HAS_TARGETS
    {"avx512", text_shingles_avx512, fast_sketch_avx512, permutation_sketch_avx512},
    {"avx2", text_shingles_avx2, fast_sketch_avx2, permutation_sketch_avx2},
#endif
    {"scalar", text_shingles_scalar, fast_sketch_scalar, permutation_sketch_scalar},
};
#define NUM_TARGETS (sizeof targets / sizeof *targets)

static int is_supported(const struct target *target) {
#if HAS_TARGETS
    if (!strcmp(target->name, "avx512"))
        return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("bmi2");
    if (!strcmp(target->name, "avx2"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#endif
    return 1;
}

static const struct target *find_target(const char *name) {
    for (size_t i = 0; i < NUM_TARGETS; i++)
        if ((!name || !strcmp(name, targets[i].name)) && is_supported(&targets[i]))
            return &targets[i];
    return NULL;
}

static void release(struct scratch *scratch) {
    free(scratch->lower);
    free(scratch->in_word);
    free(scratch->begins);
    free(scratch->hashes);
}

/* Makes room for a text of `size` bytes; the masks and the hashes cover its lower case. */
static int reserve(struct scratch *scratch, size_t size) {
    size_t capacity = size + size / 2 + 192;
    if (capacity > scratch->capacity) {
        release(scratch);
        scratch->lower = malloc(capacity);
        scratch->in_word = malloc(capacity / 8 + 24);
        scratch->begins = malloc(capacity / 8 + 24);
        scratch->hashes = malloc(8 * capacity);
        scratch->capacity = capacity;
        if (!scratch->lower || !scratch->in_word || !scratch->begins || !scratch->hashes)
            return 0;
    }
    scratch->mask_bytes = capacity / 64 * 8 + 16;
    return 1;
}

struct column {
    Py_buffer data, offsets;
    const uint8_t *bytes;
    const int64_t *starts;
    size_t num_texts;
};

static void close_column(struct column *column) {
    PyBuffer_Release(&column->data);
    PyBuffer_Release(&column->offsets);
}

/* Checks that the offsets of a large string column stay inside its data. */
static int check_column(struct column *column) {
    size_t num_offsets = (size_t)column->offsets.len / 8;
    column->bytes = column->data.buf;
    column->starts = column->offsets.buf;
    column->num_texts = num_offsets ? num_offsets - 1 : 0;
    int64_t last = 0;
    for (size_t i = 0; i < num_offsets; i++) {
        if (column->starts[i] < last || column->starts[i] > (int64_t)column->data.len) {
            PyErr_SetString(PyExc_ValueError, "offsets do not fit the data");
            return 0;
        }
        last = column->starts[i];
    }
    return 1;
}

static const struct target *target_of(const char *name) {
    const struct target *target = find_target(name);
    if (!code_table)
        PyErr_SetString(PyExc_RuntimeError, "set_characters was not called");
    else if (!target)
        PyErr_Format(PyExc_ValueError, "this machine has no %s", name);
    else
        return target;
    return NULL;
}

/* Leaves the shingles of a text of the column in scratch->hashes and their number in *count;
 * returns 0 where memory is short. */
static int find_shingles(const struct target *target, const struct column *column, size_t text,
                         size_t ngram, struct scratch *scratch, int64_t *count) {
    int64_t start = column->starts[text];
    size_t size = (size_t)(column->starts[text + 1] - start);
    if (!reserve(scratch, size))
        return 0;
    *count = (int64_t)target->shingles(column->bytes + start, size, ngram, scratch);
    return 1;
}

/* sketch(data, offsets, ngram, num_bins, value_bits, salt, multipliers, increments, signatures,
 * counts, target): fills signatures [n, k] (all ones beforehand) and counts [n]. Without value
 * bits the sketch is one of k permutations. */
static PyObject *sketch(PyObject *module, PyObject *arguments) {
    struct column column;
    Py_buffer multipliers, increments, signatures, counts;
    Py_ssize_t ngram;
    unsigned int num_bins;
    int value_bits;
    unsigned long long salt;
    const char *name;
    if (!PyArg_ParseTuple(arguments, "y*y*nIiKy*y*w*w*z", &column.data, &column.offsets, &ngram,
                          &num_bins, &value_bits, &salt, &multipliers, &increments, &signatures,
                          &counts, &name))
        return NULL;
    const struct target *target = target_of(name);
    int fits = target && check_column(&column);
    size_t num_texts = fits ? column.num_texts : 0;
    if (fits && ((size_t)signatures.len < 4 * num_texts * num_bins ||
                 (size_t)counts.len < 8 * num_texts ||
                 (!value_bits && ((size_t)multipliers.len < 4 * (size_t)num_bins ||
                                  (size_t)increments.len < 4 * (size_t)num_bins)))) {
        PyErr_SetString(PyExc_ValueError, "an output or a table is too small");
        fits = 0;
    }
    int has_memory = 1;
    if (fits) {
        struct scratch scratch = {0};
        uint32_t *row = signatures.buf;
        int64_t *num_shingles = counts.buf;
        Py_BEGIN_ALLOW_THREADS;
        for (size_t i = 0; i < num_texts; i++, row += num_bins) {
            has_memory =
                find_shingles(target, &column, i, (size_t)ngram, &scratch, &num_shingles[i]);
            if (!has_memory)
                break;
            size_t num = (size_t)num_shingles[i];
            if (!num)
                continue;
            if (value_bits)
                target->fast(scratch.hashes, num, salt, num_bins, value_bits, row);
            else
                target->permutations(scratch.hashes, num, num_bins, multipliers.buf,
                                     increments.buf, row);
        }
        Py_END_ALLOW_THREADS;
        release(&scratch);
    }
    close_column(&column);
    PyBuffer_Release(&multipliers);
    PyBuffer_Release(&increments);
    PyBuffer_Release(&signatures);
    PyBuffer_Release(&counts);
    if (!has_memory)
        return PyErr_NoMemory();
    if (!fits)
        return NULL;
    Py_RETURN_NONE;
}

/* shingles(data, offsets, ngram, hashes, counts, target): fills counts [n] and, text after text,
 * hashes; with empty hashes it only counts. Returns how many hashes there are. */
static PyObject *shingles(PyObject *module, PyObject *arguments) {
    struct column column;
    Py_buffer hashes, counts;
    Py_ssize_t ngram;
    const char *name;
    if (!PyArg_ParseTuple(arguments, "y*y*nw*w*z", &column.data, &column.offsets, &ngram, &hashes,
                          &counts, &name))
        return NULL;
    const struct target *target = target_of(name);
    int fits = target && check_column(&column), has_memory = 1;
    size_t num_texts = fits ? column.num_texts : 0, total = 0;
    if (fits && (size_t)counts.len < 8 * num_texts) {
        PyErr_SetString(PyExc_ValueError, "counts is too small");
        fits = 0;
    }
    if (fits) {
        struct scratch scratch = {0};
        uint64_t *out = hashes.buf;
        int64_t *num_shingles = counts.buf;
        Py_BEGIN_ALLOW_THREADS;
        for (size_t i = 0; i < num_texts; i++) {
            has_memory =
                find_shingles(target, &column, i, (size_t)ngram, &scratch, &num_shingles[i]);
            if (!has_memory)
                break;
            size_t num = (size_t)num_shingles[i];
            if (8 * (total + num) <= (size_t)hashes.len)
                memcpy(out + total, scratch.hashes, 8 * num);
            total += num;
        }
        Py_END_ALLOW_THREADS;
        release(&scratch);
    }
    close_column(&column);
    PyBuffer_Release(&hashes);
    PyBuffer_Release(&counts);
    if (!has_memory)
        return PyErr_NoMemory();
    return fits ? PyLong_FromSize_t(total) : NULL;
}

/* set_characters(table): the table of all code points, kept for the life of the process. */
static PyObject *set_characters(PyObject *module, PyObject *table) {
    static PyObject *kept;
    if (!PyBytes_Check(table) || PyBytes_GET_SIZE(table) != 4 * NUM_CODES) {
        PyErr_SetString(PyExc_ValueError, "the table has four bytes for each code point");
        return NULL;
    }
    Py_INCREF(table);
    code_table = (const uint32_t *)PyBytes_AS_STRING(table);
    Py_XSETREF(kept, table);
    Py_RETURN_NONE;
}

/* supported(): the names of the instruction sets of this machine, the fastest first. */
static PyObject *supported(PyObject *module, PyObject *none) {
    PyObject *names = PyList_New(0);
    for (size_t i = 0; names && i < NUM_TARGETS; i++) {
        PyObject *name =
            is_supported(&targets[i]) ? PyUnicode_FromString(targets[i].name) : NULL;
        if (name && PyList_Append(names, name))
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

static PyMethodDef methods[] = {
    {"sketch", sketch, METH_VARARGS, "Sketch every text of a column."},
    {"shingles", shingles, METH_VARARGS, "Hash the shingles of every text of a column."},
    {"set_characters", set_characters, METH_O, "Set the table of code points."},
    {"supported", supported, METH_NOARGS, "Name the instruction sets of this machine."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_sketch", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__sketch(void) {
    return PyModule_Create(&definition);
}
