/* Text as the kernels see it: characters by their table, the scratch of one text, and mixers. */

#define WORD_SEED UINT64_C(0x9E3779B97F4A7C15)
#define WORD_FIRST UINT64_C(0xD6E8FEB86659FD93)
#define WORD_SECOND UINT64_C(0xBF58476D1CE4E5B9)
#define SHORT_TEXT UINT64_C(0x94D049BB133111EB)
#define SYMBOL_SHARE 4

struct character {
    uint32_t lower;
    int class;
};

/* A bit for each of 64 bytes. */
struct classes {
    uint64_t words, spaces, others;
};

/* What one text needs: its lower case with two bits a byte beside it (part of a word; goes_on a
 * word), and its shingles, with room for PADDING more. */
struct scratch {
    uint8_t *lower;
    uint64_t *starts, *goes_on, *hashes;
    size_t capacity, size;
    uint64_t num_visible, num_word_bytes;
};

#define PADDING 8

static inline uint64_t load64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, 8);
    return value;
}

/* Compilers gather neighbouring stores into vectors even where that is slower. */
#if defined(__GNUC__)
#define KEEP_SCALAR(value) __asm__("" : "+r"(value))
#else
#define KEEP_SCALAR(value) (void)(value)
#endif

static inline uint64_t rotate(uint64_t value, unsigned bits) {
    return bits ? value << bits | value >> (64 - bits) : value;
}

static inline uint64_t mix64(uint64_t value) {
    value = (value ^ value >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ value >> 27) * UINT64_C(0x94D049BB133111EB);
    return value ^ value >> 31;
}

/* Reads the character at *at and moves behind it. */
static inline struct character next_character(const uint8_t *text, size_t size, size_t *at) {
    uint32_t entry = code_table[next_code(text, size, at)];
    return (struct character){entry & 0xFFFFFF, (int)(entry >> CLASS_SHIFT)};
}

/* Puts `value` at bit `at`, up to which the bits are written and behind which those of its word
 * are zero; leaves the same true of the bits behind it. */
static inline void put_bits(uint64_t *bits, size_t at, uint64_t value) {
    bits[at / 64] |= value << (at % 64);
    bits[at / 64 + 1] = value >> 1 >> (63 - at % 64);
}

static void release(struct scratch *scratch) {
    free(scratch->lower);
    free(scratch->starts);
    free(scratch->goes_on);
    free(scratch->hashes);
}

/* Makes room for a text of `size` bytes; its lower case has at most half as many more. */
static int reserve(struct scratch *scratch, size_t size) {
    size_t capacity = size + size / 2 + 192;
    if (capacity <= scratch->capacity)
        return 1;
    release(scratch);
    scratch->lower = malloc(capacity);
    scratch->starts = malloc(capacity / 8 + 24);
    scratch->goes_on = malloc(capacity / 8 + 24);
    scratch->hashes = malloc(8 * capacity);
    scratch->capacity = capacity;
    return scratch->lower && scratch->starts && scratch->goes_on && scratch->hashes;
}
