/* Words, shingles and sketches of an Arrow string column in one pass, without the interpreter.
 *
 * The twin of dedup/shingles.py and dedup/minhash.py, value for value: change both or neither. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "../../corpus/native/characters.h"
#include "../../corpus/native/column.h"
#include "distinct.h"
#include "scheme.h"
#include "text.h"

typedef size_t shingle_function(const uint8_t *, size_t, size_t, struct scratch *);
typedef void sketch_function(uint64_t *, size_t, const struct scheme *, uint32_t *);

#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_TARGETS 1
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,bmi,bmi2,lzcnt,popcnt")
#define KERNEL_AVX2
#define NAME(name) name##_avx512
#include "words.h"
#include "throws.h"
#include "sketches.h"
#undef NAME
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt")
#define NAME(name) name##_avx2
#include "words.h"
#include "throws.h"
#include "sketches.h"
#undef NAME
#undef KERNEL_AVX2
#pragma GCC pop_options
#endif
#define NAME(name) name##_scalar
#include "words.h"
#include "throws.h"
#include "sketches.h"
#undef NAME

struct target {
    const char *name;
    shingle_function *shingles;
    sketch_function *fast, *permutations;
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

/* Sorts the shingles of a text and leaves each once; returns 0 where memory is short. */
static int make_distinct(struct scratch *scratch, struct buckets *buckets, int64_t *count) {
    size_t num = (size_t)*count;
    if (num < 2)
        return 1;
    if (!reserve_buckets(buckets, num))
        return 0;
    *count = (int64_t)sort_distinct(scratch->hashes, num, buckets, scratch->hashes);
    return 1;
}

/* sketch(data, offsets, ngram, num_bins, value_bits, salt, multipliers, increments, signatures,
 * counts, target): fills signatures [n, k], rows without shingles with ones, and counts [n].
 * The tables are by turn, two for each bin. Without value bits the sketch is one of k permutations
 * and the tables are by bin. */
static PyObject *sketch(PyObject *module, PyObject *arguments) {
    struct column column;
    struct scheme scheme;
    Py_buffer multipliers, increments, signatures, counts;
    Py_ssize_t ngram;
    unsigned long long salt;
    const char *name;
    if (!PyArg_ParseTuple(arguments, "y*y*nIIKy*y*w*w*z", &column.data, &column.offsets, &ngram,
                          &scheme.num_bins, &scheme.value_bits, &salt, &multipliers, &increments,
                          &signatures, &counts, &name))
        return NULL;
    scheme.salt = salt;
    scheme.multipliers = multipliers.buf;
    scheme.increments = increments.buf;
    const struct target *target = target_of(name);
    int fits = target && check_column(&column);
    size_t num_texts = fits ? column.num_texts : 0, num_bins = scheme.num_bins;
    size_t num_functions = scheme.value_bits ? 2 * num_bins : num_bins;
    if (fits && ((size_t)signatures.len < 4 * num_texts * num_bins ||
                 (size_t)counts.len < 8 * num_texts || scheme.value_bits > 31 ||
                 (size_t)multipliers.len < 4 * num_functions ||
                 (size_t)increments.len < 4 * num_functions)) {
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
            memset(row, 0xFF, 4 * num_bins);
            if (!num)
                continue;
            (scheme.value_bits ? target->fast : target->permutations)(scratch.hashes, num, &scheme,
                                                                      row);
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

/* Fills counts [n] and, text after text, hashes; with empty hashes it only counts. */
static PyObject *hash_column(PyObject *arguments, int is_distinct) {
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
        struct buckets buckets = {0};
        uint64_t *out = hashes.buf;
        int64_t *num_shingles = counts.buf;
        Py_BEGIN_ALLOW_THREADS;
        for (size_t i = 0; i < num_texts; i++) {
            has_memory =
                find_shingles(target, &column, i, (size_t)ngram, &scratch, &num_shingles[i]) &&
                (!is_distinct || make_distinct(&scratch, &buckets, &num_shingles[i]));
            if (!has_memory)
                break;
            size_t num = (size_t)num_shingles[i];
            if (8 * (total + num) <= (size_t)hashes.len)
                memcpy(out + total, scratch.hashes, 8 * num);
            total += num;
        }
        Py_END_ALLOW_THREADS;
        release(&scratch);
        release_buckets(&buckets);
    }
    close_column(&column);
    PyBuffer_Release(&hashes);
    PyBuffer_Release(&counts);
    if (!has_memory)
        return PyErr_NoMemory();
    return fits ? PyLong_FromSize_t(total) : NULL;
}

/* shingles(data, offsets, ngram, hashes, counts, target): fills hashes with all shingles in their
 * order. Returns how many there are. */
static PyObject *shingles(PyObject *module, PyObject *arguments) {
    return hash_column(arguments, 0);
}

/* distinct_shingles(data, offsets, ngram, hashes, counts, target): each text's own ones sorted,
 * each once. Returns how many there are. */
static PyObject *distinct_shingles(PyObject *module, PyObject *arguments) {
    return hash_column(arguments, 1);
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
    {"distinct_shingles", distinct_shingles, METH_VARARGS, "Hash them, sorted and each once."},
    {"set_characters", set_characters, METH_O, "Set the table of code points."},
    {"supported", supported, METH_NOARGS, "Name the instruction sets of this machine."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_sketch", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__sketch(void) {
    fill_lanes();
    return PyModule_Create(&definition);
}
