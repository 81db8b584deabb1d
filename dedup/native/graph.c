/* Sorting, pairs of buckets, connected components and set similarities over arrays of numbers.
 *
 * The twin of dedup/{sorting,buckets,components,lsh,verify}.py, value for value: change both or
 * neither. Every function takes C-contiguous buffers, checks their sizes and the numbers that it
 * uses as places, and runs without the interpreter's lock. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "radix.h"
#include "union.h"

#define MAX_ROWS ((size_t)1 << 31)
#define MAX_BUFFERS 5

/* The buffers of a call, released together. */
struct buffers {
    Py_buffer views[MAX_BUFFERS];
    size_t num;
};

static void close_buffers(struct buffers *buffers) {
    for (size_t i = 0; i < buffers->num; i++)
        PyBuffer_Release(&buffers->views[i]);
}

static size_t length(const struct buffers *buffers, size_t i, size_t width) {
    return (size_t)buffers->views[i].len / width;
}

/* Closes the buffers and returns None, or raises what went wrong. */
static PyObject *finish(struct buffers *buffers, const char *problem, int has_memory) {
    close_buffers(buffers);
    if (!has_memory)
        return PyErr_NoMemory();
    if (problem) {
        PyErr_SetString(PyExc_ValueError, problem);
        return NULL;
    }
    Py_RETURN_NONE;
}

static void take_order(void *target, const struct pair *pairs, size_t num) {
    int64_t **order = target;
    for (size_t i = 0; i < num; i++)
        *(*order)++ = pairs[i].row;
}

/* argsort(keys u64 [n], order i64 [n]): fills order with the rows of the keys, stably sorted. */
static PyObject *argsort(PyObject *module, PyObject *arguments) {
    struct buffers all = {.num = 2};
    if (!PyArg_ParseTuple(arguments, "y*w*", &all.views[0], &all.views[1]))
        return NULL;
    size_t num = length(&all, 0, 8);
    if (num > MAX_ROWS || length(&all, 1, 8) < num)
        return finish(&all, "too many keys, or too little room for their order", 1);
    int64_t *order = all.views[1].buf;
    int has_memory;
    Py_BEGIN_ALLOW_THREADS;
    has_memory = sort_keys(all.views[0].buf, num, take_order, &order);
    Py_END_ALLOW_THREADS;
    return finish(&all, NULL, has_memory);
}

struct ranking {
    uint64_t *distinct;
    uint32_t *ranks;
    size_t num_distinct;
};

static void take_ranks(void *target, const struct pair *pairs, size_t num) {
    struct ranking *ranking = target;
    size_t num_distinct = ranking->num_distinct;
    for (size_t i = 0; i < num; i++) {
        if (!num_distinct || ranking->distinct[num_distinct - 1] != pairs[i].key)
            ranking->distinct[num_distinct++] = pairs[i].key;
        ranking->ranks[pairs[i].row] = (uint32_t)(num_distinct - 1);
    }
    ranking->num_distinct = num_distinct;
}

/* rank(keys u64 [n], distinct u64 [n], ranks u32 [n]): fills distinct with the sorted distinct
 * keys and ranks with the place of each key among them. Returns how many there are. */
static PyObject *rank(PyObject *module, PyObject *arguments) {
    struct buffers all = {.num = 3};
    if (!PyArg_ParseTuple(arguments, "y*w*w*", &all.views[0], &all.views[1], &all.views[2]))
        return NULL;
    size_t num = length(&all, 0, 8);
    if (num > MAX_ROWS || length(&all, 1, 8) < num || length(&all, 2, 4) < num)
        return finish(&all, "too many keys, or too little room for their ranks", 1);
    struct ranking ranking = {all.views[1].buf, all.views[2].buf, 0};
    int has_memory;
    Py_BEGIN_ALLOW_THREADS;
    has_memory = sort_keys(all.views[0].buf, num, take_ranks, &ranking);
    Py_END_ALLOW_THREADS;
    if (!has_memory)
        return finish(&all, NULL, 0);
    close_buffers(&all);
    return PyLong_FromSize_t(ranking.num_distinct);
}

/* unite(left u32 [m], right u32 [m], parents u32 [n]): parents, each its own or one before it, is
 * changed so that every node has the least node of its component. */
static PyObject *unite(PyObject *module, PyObject *arguments) {
    struct buffers all = {.num = 3};
    if (!PyArg_ParseTuple(arguments, "y*y*w*", &all.views[0], &all.views[1], &all.views[2]))
        return NULL;
    size_t num = length(&all, 0, 4), num_nodes = length(&all, 2, 4);
    const uint32_t *left = all.views[0].buf, *right = all.views[1].buf;
    uint32_t *parents = all.views[2].buf;
    if (length(&all, 1, 4) != num)
        return finish(&all, "an edge has two ends", 1);
    const char *problem = NULL;
    Py_BEGIN_ALLOW_THREADS;
    if (!is_forest(parents, num_nodes))
        problem = "a parent stands behind its child";
    for (size_t i = 0; !problem && i < num; i++) {
        if (left[i] >= num_nodes || right[i] >= num_nodes) {
            problem = "an edge ends outside the nodes";
            break;
        }
        join(parents, left[i], right[i]);
    }
    if (!problem)
        flatten(parents, num_nodes);
    Py_END_ALLOW_THREADS;
    return finish(&all, problem, 1);
}

/* unite_bands(hashes u64 [n, num_bands], num_bands, parents u32 [n]): unites the rows that share a
 * hash in a column, and leaves in parents the least row of each component. */
static PyObject *unite_bands(PyObject *module, PyObject *arguments) {
    struct buffers all = {.num = 2};
    Py_ssize_t num_bands;
    if (!PyArg_ParseTuple(arguments, "y*nw*", &all.views[0], &num_bands, &all.views[1]))
        return NULL;
    size_t num_rows = length(&all, 1, 4);
    uint32_t *parents = all.views[1].buf;
    if (num_bands < 0 || (size_t)num_bands > MAX_ROWS || num_rows > MAX_ROWS ||
        length(&all, 0, 8) != num_rows * (size_t)num_bands)
        return finish(&all, "the hashes do not fit the rows", 1);
    int has_memory = 1, fits;
    Py_BEGIN_ALLOW_THREADS;
    fits = is_forest(parents, num_rows);
    if (fits) {
        has_memory = join_bands(all.views[0].buf, num_rows, (size_t)num_bands, parents);
        flatten(parents, num_rows);
    }
    Py_END_ALLOW_THREADS;
    return finish(&all, fits ? NULL : "a parent stands behind its child", has_memory);
}

/* bucket_pairs(hashes u64 [n], max_bucket, fanout, state i64 [3], left i64 [m], right i64 [m]):
 * fills left and right with the next pairs of rows that share a hash, equal hashes being
 * neighbours. The state (start of the bucket, right row, next left place) is zeros at first.
 * Returns how many pairs were filled in, fewer than m only at the end. */
static PyObject *bucket_pairs(PyObject *module, PyObject *arguments) {
    struct buffers all = {.num = 4};
    Py_ssize_t max_bucket, fanout;
    if (!PyArg_ParseTuple(arguments, "y*nnw*w*w*", &all.views[0], &max_bucket, &fanout,
                          &all.views[1], &all.views[2], &all.views[3]))
        return NULL;
    const uint64_t *hashes = all.views[0].buf;
    int64_t *state = all.views[1].buf, *left = all.views[2].buf, *right = all.views[3].buf;
    int64_t num_rows = (int64_t)length(&all, 0, 8), room = (int64_t)length(&all, 2, 8), num = 0;
    if (length(&all, 1, 8) != 3 || (int64_t)length(&all, 3, 8) != room || max_bucket < 1 ||
        fanout < 1 || state[0] < 0 || state[0] > state[1] || state[1] > num_rows || state[2] < 0)
        return finish(&all, "no such state, or unequal room for the two rows of a pair", 1);
    int64_t start = state[0], row = state[1], place = state[2];
    Py_BEGIN_ALLOW_THREADS;
    while (start < num_rows) {
        int64_t end = start + 1;
        while (end < num_rows && hashes[end] == hashes[start])
            end++;
        int64_t num_left = end - start > max_bucket ? fanout : end - start;
        for (; row < end; row++, place = 0) {
            int64_t last = row - start < num_left ? row - start : num_left;
            for (; place < last && num < room; place++, num++) {
                left[num] = start + place;
                right[num] = row;
            }
            if (place < last)
                goto full;
        }
        start = end;
    }
full:
    Py_END_ALLOW_THREADS;
    state[0] = start;
    state[1] = row;
    state[2] = place;
    close_buffers(&all);
    return PyLong_FromLongLong(num);
}

/* Returns the Jaccard similarity of two sorted sets; 0 if both are empty. */
static double similarity(const uint64_t *left, size_t num_left, const uint64_t *right,
                         size_t num_right) {
    size_t i = 0, j = 0, num_shared = 0;
    while (i < num_left && j < num_right) {
        uint64_t one = left[i], other = right[j];
        num_shared += one == other;
        i += one <= other;
        j += other <= one;
    }
    size_t num_distinct = num_left + num_right - num_shared;
    return num_distinct ? (double)num_shared / (double)num_distinct : 0.0;
}

/* similarities(hashes u64 [h], offsets i64 [k + 1], left i64 [m], right i64 [m], out f64 [m]):
 * fills out with the Jaccard similarity of sets left and right, set i being the sorted distinct
 * hashes[offsets[i]:offsets[i + 1]]. */
static PyObject *similarities(PyObject *module, PyObject *arguments) {
    struct buffers all = {.num = 5};
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*w*", &all.views[0], &all.views[1], &all.views[2],
                          &all.views[3], &all.views[4]))
        return NULL;
    const uint64_t *hashes = all.views[0].buf;
    const int64_t *offsets = all.views[1].buf, *left = all.views[2].buf,
                  *right = all.views[3].buf;
    double *out = all.views[4].buf;
    size_t num_hashes = length(&all, 0, 8), num_offsets = length(&all, 1, 8);
    size_t num_sets = num_offsets ? num_offsets - 1 : 0, num = length(&all, 2, 8);
    if (length(&all, 3, 8) != num || length(&all, 4, 8) != num)
        return finish(&all, "unequal room for the two sets of a pair and their similarity", 1);
    const char *problem = NULL;
    Py_BEGIN_ALLOW_THREADS;
    for (size_t i = 0; i < num_offsets; i++)
        if (offsets[i] < (i ? offsets[i - 1] : 0) || (uint64_t)offsets[i] > num_hashes)
            problem = "offsets do not fit the hashes";
    for (size_t i = 0; !problem && i < num; i++) {
        if ((uint64_t)left[i] >= num_sets || (uint64_t)right[i] >= num_sets) {
            problem = "there is no set of this number";
            break;
        }
        int64_t one = offsets[left[i]], other = offsets[right[i]];
        out[i] = similarity(hashes + one, (size_t)(offsets[left[i] + 1] - one), hashes + other,
                            (size_t)(offsets[right[i] + 1] - other));
    }
    Py_END_ALLOW_THREADS;
    return finish(&all, problem, 1);
}

static PyMethodDef methods[] = {
    {"argsort", argsort, METH_VARARGS, "Sort rows stably by their keys."},
    {"rank", rank, METH_VARARGS, "Number keys by their place among the distinct ones."},
    {"unite", unite, METH_VARARGS, "Unite the ends of edges."},
    {"unite_bands", unite_bands, METH_VARARGS, "Unite the rows that share a hash in a column."},
    {"bucket_pairs", bucket_pairs, METH_VARARGS, "Pair the rows that share a hash."},
    {"similarities", similarities, METH_VARARGS, "Measure the similarity of pairs of sets."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_graph", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__graph(void) {
    return PyModule_Create(&definition);
}
