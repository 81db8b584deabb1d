/* Finds the n-grams of an index among the words of a column's texts, all lengths in one pass.
 *
 * The twin of dedup/ngrams.py, value for value: change both or neither. A word is a 64-bit hash.
 * An n-gram's hash is a polynomial of its words, read from the sums over the words before it. Most
 * words end at one of two Bloom filters: of parts of the index's longest n-grams, and of its shorter
 * ones and their first words. What passes is looked up among the sorted hashes. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>

#define BASE UINT64_C(0x9E3779B97F4A7C15)
#define LENGTH_STEP UINT64_C(0xD1B54A32D192ED03)
#define FINAL UINT64_C(0xD6E8FEB86659FD93)
#define MAX_LENGTH 10
#define MIN_LENGTH 3
#define STRIDE 3
#define PART (MAX_LENGTH - STRIDE + 1)
#define BLOCK 63 /* a multiple of STRIDE whose words are bits of a number */

struct index {
    const uint64_t *long_filter, *short_filter, *hashes;
    const uint32_t *buckets;
    size_t num_hashes;
    unsigned long_bits, short_bits, bucket_bits, lengths;
};

static inline uint64_t finish(uint64_t sum, uint64_t length) {
    uint64_t hash = (sum ^ length * LENGTH_STEP) * FINAL;
    hash = (hash ^ hash >> 32) * BASE;
    return hash ^ hash >> 29;
}

/* What a filter takes of a polynomial: its upper bits name a block of 64 bits, its lowest twelve
 * two of them. */
static inline uint64_t scatter(uint64_t sum) {
    return sum * FINAL;
}

static inline int may_hold(const uint64_t *filter, unsigned bits, uint64_t scattered) {
    uint64_t block = filter[scattered >> (64 - bits)];
    return block >> (scattered & 63) & block >> (scattered >> 6 & 63) & 1;
}

/* The place of a hash among the sorted ones, or -1. */
static int64_t find(const struct index *index, uint64_t hash) {
    uint64_t bucket = hash >> (64 - index->bucket_bits);
    size_t stop = index->buckets[bucket + 1];
    stop = stop < index->num_hashes ? stop : index->num_hashes;
    for (size_t i = index->buckets[bucket]; i < stop; i++)
        if (index->hashes[i] == hash)
            return (int64_t)i;
    return -1;
}

struct output {
    int64_t *texts, *places, *grams;
    size_t size, room;
};

static inline void add(struct output *output, int64_t text, int64_t place, int64_t gram) {
    if (output->size < output->room) {
        output->texts[output->size] = text;
        output->places[output->size] = place;
        output->grams[output->size] = gram;
    }
    output->size++;
}

/* Notes the n-grams that begin with a word: the shorter ones, and that of MAX_LENGTH words. */
static void look_up(const struct index *index, const uint64_t *sums, const uint64_t *powers,
                    size_t left, int is_short, int is_long, int64_t text, int64_t place,
                    size_t stop, struct output *output) {
    size_t first = is_short ? MIN_LENGTH : MAX_LENGTH, last = is_long ? MAX_LENGTH : MAX_LENGTH - 1;
    for (size_t n = first; n <= last && n <= left; n++) {
        if (!(index->lengths >> n & 1))
            continue;
        uint64_t hash = finish(sums[n] - sums[0] * powers[n], n);
        if (n < MAX_LENGTH && !may_hold(index->short_filter, index->short_bits, scatter(hash)))
            continue;
        int64_t gram = find(index, hash);
        if (gram >= 0 && output->size < stop)
            add(output, text, place, gram);
    }
}

/* Asks the long filter for the parts of n-grams that begin with a block's words, and gives a bit for
 * each word whose n-gram may be there. MAX_LENGTH words in a row hold PART words that begin at a
 * multiple of STRIDE, so only those are asked for. The filter is larger than the near caches: all
 * of a block's questions are under way at once. */
static uint64_t long_candidates(const struct index *index, const uint64_t *sums, uint64_t power,
                                size_t left) {
    uint64_t asked[BLOCK / STRIDE + 1], found = 0;
    size_t num = left < PART ? 0 : (left - PART) / STRIDE + 1;
    num = num < BLOCK / STRIDE + 1 ? num : BLOCK / STRIDE + 1;
    for (size_t i = 0; i < num; i++) {
        asked[i] = scatter(sums[STRIDE * i + PART] - sums[STRIDE * i] * power);
        __builtin_prefetch(&index->long_filter[asked[i] >> (64 - index->long_bits)]);
    }
    for (size_t i = 0; i < num; i++)
        if (may_hold(index->long_filter, index->long_bits, asked[i]))
            found |= i ? UINT64_C(7) << (STRIDE * i - STRIDE + 1) : 1;
    return found;
}

/* A bit for each of a block's words with which a shorter n-gram may begin. */
static uint64_t short_candidates(const struct index *index, const uint64_t *sums, uint64_t power,
                                 size_t num) {
    uint64_t found = 0;
    for (size_t i = 0; i < num; i++) {
        uint64_t prefix = scatter(sums[i + MIN_LENGTH] - sums[i] * power);
        found |= (uint64_t)may_hold(index->short_filter, index->short_bits, prefix) << i;
    }
    return found;
}

/* Notes the n-grams of one text, at most `limit`. `sums` has one number more than there are words:
 * the polynomial of all the words before each. */
static void scan_text(const struct index *index, const uint64_t *words, size_t num_words,
                      uint64_t *sums, const uint64_t *powers, int64_t text, size_t limit,
                      struct output *output) {
    size_t stop = output->size + limit;
    uint64_t sum = 0;
    sums[0] = 0;
    for (size_t i = 0; i < num_words; i++)
        sums[i + 1] = sum = sum * BASE + words[i];
    int has_long = index->lengths >> MAX_LENGTH & 1;
    int has_short = (index->lengths & ((1u << MAX_LENGTH) - 1)) != 0;
    for (size_t first = 0; first + MIN_LENGTH <= num_words && output->size < stop;
         first += BLOCK) {
        const uint64_t *here = sums + first;
        size_t left = num_words - first, num = left - MIN_LENGTH + 1;
        num = num < BLOCK ? num : BLOCK;
        uint64_t all = (UINT64_C(1) << num) - 1, longs = 0, shorts = 0;
        if (has_long)
            longs = long_candidates(index, here, powers[PART], left) & all;
        if (has_short)
            shorts = short_candidates(index, here, powers[MIN_LENGTH], num);
        for (uint64_t both = longs | shorts; both && output->size < stop; both &= both - 1) {
            size_t i = (size_t)__builtin_ctzll(both);
            look_up(index, here + i, powers, left - i, shorts >> i & 1, longs >> i & 1, text,
                    (int64_t)(first + i), stop, output);
        }
    }
}

static size_t scan_all(const struct index *index, const uint64_t *words, const int64_t *counts,
                       size_t num_texts, size_t limit, uint64_t *sums, struct output *output) {
    uint64_t powers[MAX_LENGTH + 1] = {1};
    for (int n = 1; n <= MAX_LENGTH; n++)
        powers[n] = powers[n - 1] * BASE;
    for (size_t i = 0; i < num_texts; i++) {
        scan_text(index, words, (size_t)counts[i], sums, powers, (int64_t)i, limit, output);
        words += counts[i];
    }
    return output->size;
}

static unsigned log2_of(Py_ssize_t number) {
    unsigned bits = 0;
    while (((Py_ssize_t)1 << (bits + 1)) <= number)
        bits++;
    return bits;
}

/* Whether all buffers agree, so that nothing is read or written outside of them. */
static int check(const Py_buffer *words, const Py_buffer *counts, const Py_buffer *tables,
                 struct index *index, size_t *longest) {
    size_t total = 0, num_texts = (size_t)counts->len / 8;
    const int64_t *count = counts->buf;
    for (size_t i = 0; i < num_texts; i++) {
        if (count[i] < 0 || (size_t)count[i] > (size_t)words->len / 8 - total)
            return 0;
        total += (size_t)count[i];
        *longest = (size_t)count[i] > *longest ? (size_t)count[i] : *longest;
    }
    index->long_bits = log2_of(tables[0].len / 8);
    index->short_bits = log2_of(tables[1].len / 8);
    index->bucket_bits = log2_of(tables[3].len / 4 - 1);
    index->num_hashes = (size_t)tables[2].len / 8;
    return index->long_bits && index->short_bits && index->bucket_bits &&
           tables[0].len == (Py_ssize_t)8 << index->long_bits &&
           tables[1].len == (Py_ssize_t)8 << index->short_bits &&
           tables[3].len == (((Py_ssize_t)1 << index->bucket_bits) + 1) * 4;
}

/* scan(words, counts, long_filter, short_filter, hashes, buckets, lengths, limit, texts, places,
 * grams): returns how many n-grams were found; writes as many of them as there is room for. */
static PyObject *scan(PyObject *module, PyObject *arguments) {
    Py_buffer words, counts, tables[4], outputs[3];
    unsigned lengths;
    Py_ssize_t limit;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*y*y*Inw*w*w*", &words, &counts, &tables[0],
                          &tables[1], &tables[2], &tables[3], &lengths, &limit, &outputs[0],
                          &outputs[1], &outputs[2]))
        return NULL;
    struct index index = {tables[0].buf, tables[1].buf, tables[2].buf, tables[3].buf, 0, 0, 0, 0,
                          lengths};
    size_t longest = 0, found = 0;
    int fits = limit > 0 && lengths < 1u << (MAX_LENGTH + 1) &&
               outputs[0].len == outputs[1].len && outputs[0].len == outputs[2].len &&
               check(&words, &counts, tables, &index, &longest);
    uint64_t *sums = fits ? malloc(8 * (longest + 1)) : NULL;
    if (sums) {
        struct output output = {outputs[0].buf, outputs[1].buf, outputs[2].buf, 0,
                                (size_t)outputs[0].len / 8};
        Py_BEGIN_ALLOW_THREADS;
        found = scan_all(&index, words.buf, counts.buf, (size_t)counts.len / 8, (size_t)limit,
                         sums, &output);
        Py_END_ALLOW_THREADS;
    }
    PyBuffer_Release(&words);
    PyBuffer_Release(&counts);
    for (int i = 0; i < 4; i++)
        PyBuffer_Release(&tables[i]);
    for (int i = 0; i < 3; i++)
        PyBuffer_Release(&outputs[i]);
    if (!fits)
        PyErr_SetString(PyExc_ValueError, "the buffers do not fit each other");
    else if (!sums)
        PyErr_NoMemory();
    free(sums);
    return PyErr_Occurred() ? NULL : PyLong_FromSize_t(found);
}

static PyMethodDef methods[] = {
    {"scan", scan, METH_VARARGS, "Find the n-grams of an index in every text of a column."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_decontam", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__decontam(void) {
    return PyModule_Create(&definition);
}
