/* Sorts the hashes of one text and drops repeats, in memory that a second-level cache holds.
 *
 * Hashes are uniform, so their upper bits say where each belongs: they are scattered into as many
 * buckets, and what is then out of place is out by a few. Hashes that repeat make large buckets. */

#define MAX_BUCKET_BITS 20
#define LARGE_BUCKET 64

struct buckets {
    uint64_t *sorted;
    uint32_t *ends;
    size_t capacity;
};

static void release_buckets(struct buckets *buckets) {
    free(buckets->sorted);
    free(buckets->ends);
}

static int reserve_buckets(struct buckets *buckets, size_t num) {
    if (num <= buckets->capacity)
        return 1;
    release_buckets(buckets);
    buckets->capacity = num + num / 2;
    buckets->sorted = malloc(8 * buckets->capacity);
    buckets->ends = malloc(4 * ((size_t)1 << MAX_BUCKET_BITS));
    return buckets->sorted && buckets->ends;
}

static int compare_hashes(const void *left, const void *right) {
    uint64_t one = *(const uint64_t *)left, other = *(const uint64_t *)right;
    return (one > other) - (one < other);
}

static void insertion_sort(uint64_t *hashes, size_t num) {
    for (size_t i = 1; i < num; i++) {
        uint64_t hash = hashes[i];
        size_t place = i;
        for (; place && hashes[place - 1] > hash; place--)
            hashes[place] = hashes[place - 1];
        hashes[place] = hash;
    }
}

/* Leaves the distinct hashes in `out`, which may be where they were, sorted; returns how many. */
static size_t sort_distinct(const uint64_t *hashes, size_t num, struct buckets *buckets,
                            uint64_t *out) {
    unsigned bits = 1;
    while (bits < MAX_BUCKET_BITS && num >> bits)
        bits++;
    unsigned shift = 64 - bits;
    uint32_t *ends = buckets->ends, total = 0;
    memset(ends, 0, (size_t)4 << bits);
    for (size_t i = 0; i < num; i++)
        ends[hashes[i] >> shift]++;
    for (size_t bucket = 0; bucket < (size_t)1 << bits; bucket++) {
        uint32_t size = ends[bucket];
        ends[bucket] = total;
        total += size;
    }
    uint64_t *sorted = buckets->sorted;
    for (size_t i = 0; i < num; i++)
        sorted[ends[hashes[i] >> shift]++] = hashes[i];
    size_t first = 0;
    for (size_t bucket = 0; bucket < (size_t)1 << bits; bucket++) {
        size_t size = ends[bucket] - first;
        if (size > LARGE_BUCKET)
            qsort(sorted + first, size, sizeof *sorted, compare_hashes);
        first = ends[bucket];
    }
    insertion_sort(sorted, num);
    size_t num_distinct = 0;
    for (size_t i = 0; i < num; i++) {
        out[num_distinct] = sorted[i];
        num_distinct += i + 1 == num || sorted[i] != sorted[i + 1];
    }
    return num_distinct;
}
