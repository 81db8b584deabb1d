/* Whether bytes are text in UTF-8 that needs no second look. */

/* Returns the size of the character at a place, 0 if it is not UTF-8. */
static inline size_t character_size(const uint8_t *text, size_t at, size_t size) {
    uint8_t first = text[at];
    size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (!length || at + length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[at + i] & 0xC0) != 0x80)
            return 0;
    uint8_t second = text[at + 1];
    int is_wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                   (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
    return is_wrong ? 0 : length;
}

/* Tells whether bytes are valid UTF-8 without NUL and escape characters. */
static int is_plain_utf8(const uint8_t *text, size_t size) {
    size_t at = 0;
    while (at < size) {
#if defined(__SSE2__)
        const __m128i escape = _mm_set1_epi8(0x1B), nul = _mm_setzero_si128();
        while (at + 16 <= size) {
            __m128i bytes = _mm_loadu_si128((const __m128i *)(text + at));
            __m128i found =
                _mm_or_si128(_mm_cmpeq_epi8(bytes, escape), _mm_cmpeq_epi8(bytes, nul));
            int mask = _mm_movemask_epi8(_mm_or_si128(found, bytes));
            if (mask) {
                at += (size_t)__builtin_ctz((unsigned)mask);
                break;
            }
            at += 16;
        }
        if (at >= size)
            break;
#endif
        if (text[at] < 0x80) {
            if (!text[at] || text[at] == 0x1B)
                return 0;
            at++;
            continue;
        }
        while (at < size && text[at] >= 0x80) {
            size_t length = character_size(text, at, size);
            if (!length)
                return 0;
            at += length;
        }
    }
    return 1;
}
