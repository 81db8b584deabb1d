/* Where 64 bytes of ASCII are cut, all at once: what pieces.h finds, for the characters that code
 * and English are made of. */

#if defined(__SSE2__)
#include <emmintrin.h>
#define HAS_PLAIN 1
#else
#define HAS_PLAIN 0
#endif

#define BLOCK 64

/* Returns what the table of classes says of an ASCII character here; 0 if it is left to pieces.h. */
static uint8_t plain_class(int byte) {
    if (byte == '\n' || byte == '\r')
        return NEWLINE;
    if (byte == ' ' || (byte >= '\t' && byte < '\r'))
        return SPACE;
    if (byte >= '0' && byte <= '9')
        return NUMBER;
    if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z')
        return LETTER | PUNCTUATION;
    return byte > ' ' && byte < 0x7F ? PUNCTUATION : 0;
}

static int is_plain_table(const uint8_t *classes) {
    for (int byte = 0; byte < 0x80; byte++)
        if (classes[byte] != plain_class(byte))
            return 0;
    return HAS_PLAIN;
}

#if HAS_PLAIN
struct masks {
    uint64_t letters, digits, spaces, newlines, visible;
};

static inline __m128i is_between(__m128i bytes, char first, char last) {
    __m128i above = _mm_cmpgt_epi8(bytes, _mm_set1_epi8((char)(first - 1)));
    return _mm_and_si128(above, _mm_cmplt_epi8(bytes, _mm_set1_epi8((char)(last + 1))));
}

static inline void add_bits(uint64_t *bits, __m128i found, int at) {
    *bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(found) << at;
}

static inline struct masks masks_of(const uint8_t *bytes) {
    struct masks masks = {0, 0, 0, 0, 0};
    for (int at = 0; at < BLOCK; at += 16) {
        __m128i chars = _mm_loadu_si128((const __m128i *)(bytes + at));
        __m128i newline = _mm_or_si128(_mm_cmpeq_epi8(chars, _mm_set1_epi8('\n')),
                                       _mm_cmpeq_epi8(chars, _mm_set1_epi8('\r')));
        __m128i space = _mm_or_si128(_mm_cmpeq_epi8(chars, _mm_set1_epi8(' ')),
                                     is_between(chars, '\t', '\r'));
        add_bits(&masks.newlines, newline, at);
        add_bits(&masks.spaces, _mm_andnot_si128(newline, space), at);
        add_bits(&masks.visible, is_between(chars, '!', '~'), at);
        add_bits(&masks.digits, is_between(chars, '0', '9'), at);
        chars = _mm_or_si128(chars, _mm_set1_epi8(0x20));
        add_bits(&masks.letters, is_between(chars, 'a', 'z'), at);
    }
    return masks;
}

/* Returns a bit for each byte of a block that a piece begins with, the first being one; only cuts
 * that depend on nothing but plain characters of the block. Reads BLOCK bytes. */
static inline uint64_t plain_cuts(const uint8_t *bytes) {
    struct masks masks = masks_of(bytes);
    uint64_t other = ~(masks.visible | masks.spaces | masks.newlines) | (uint64_t)1 << (BLOCK - 1);
    uint64_t known = (other & -other) - 1; /* what stands before the first other */
    uint64_t alone = masks.digits | masks.newlines;
    uint64_t words = masks.visible & ~masks.digits, signs = words & ~masks.letters;
    uint64_t behind_space = masks.spaces << 1;
    uint64_t cuts = alone | alone << 1 | (masks.letters & ~(masks.letters << 1 | behind_space)) |
                    (signs & ~(signs << 1 | behind_space)) |
                    (masks.spaces & (~behind_space | words >> 1));
    return cuts & known >> 1 & ~(uint64_t)1;
}
#else
static inline uint64_t plain_cuts(const uint8_t *bytes) { return 0 * bytes[0]; }
#endif
