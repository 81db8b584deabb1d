/* The tokens of the pieces met last: two for each hash, the newer first; memory never grows.
 *
 * Only short pieces of few tokens are kept, which most pieces of any text are. What is kept never
 * changes a token, only how long it takes. */

#define MAX_CACHED_BYTES 16
#define MAX_CACHED_TOKENS 3

struct cached {
    uint64_t low, high; /* the piece, filled up with zeros */
    int32_t tokens[MAX_CACHED_TOKENS];
    uint16_t size, num_tokens; /* size 0 is empty */
};

struct cache {
    struct cached *entries;
    size_t bits; /* there are two entries for each of 2^bits hashes */
    int64_t num_hits, num_misses;
};

static uint8_t masks[MAX_CACHED_BYTES + 1][MAX_CACHED_BYTES];

static void make_masks(void) {
    for (size_t size = 0; size <= MAX_CACHED_BYTES; size++)
        memset(masks[size], 0xFF, size);
}

/* Reads a piece of at most 16 bytes; `room` is how many bytes can be read. */
static inline struct cached key_of(const uint8_t *bytes, size_t size, size_t room) {
    uint64_t words[2] = {0, 0}, mask[2];
    if (room >= MAX_CACHED_BYTES)
        memcpy(words, bytes, MAX_CACHED_BYTES);
    else
        memcpy(words, bytes, size);
    memcpy(mask, masks[size], MAX_CACHED_BYTES);
    return (struct cached){.low = words[0] & mask[0], .high = words[1] & mask[1],
                           .size = (uint16_t)size};
}

static inline struct cached *set_of(const struct cache *cache, const struct cached *key) {
    uint64_t hash = (key->low ^ (key->high * 0xC2B2AE3D27D4EB4Fu) ^ key->size) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
    return cache->entries + 2 * (size_t)(hash * 0xD6E8FEB86659FD93u >> (64 - cache->bits));
}

static inline int is_same(const struct cached *entry, const struct cached *key) {
    return ((entry->low ^ key->low) | (entry->high ^ key->high) |
            (uint64_t)(entry->size ^ key->size)) == 0;
}
