/* The pieces that DeepSeek-V2's pre-tokenizer cuts a text into, found in one pass.
 *
 * Its six steps refine each other, so a text is cut where any of them cuts. What they do to two
 * neighbours follows from the classes of both, but for whitespace, where it also depends on what
 * comes behind it. No cut depends on what lies before the piece that it ends. */

/* What the steps say of a character; corpus/deepseek.py makes the table of all code points. */
enum {
    LETTER = 1,      /* step 2, which also takes the one space before a run */
    PUNCTUATION = 2, /* step 3, likewise; holds the ASCII letters and U+3000 too */
    CJK = 4,         /* step 5 */
    KIND = 7,        /* characters of one kind, none of them below, are not cut */
    SPACE = 8,       /* but for the newlines */
    NUMBER = 16,     /* step 6: a piece of its own */
    NEWLINE = 32,    /* step 1, likewise; the end of a text counts as one */
    ALONE = NUMBER | NEWLINE
};

struct text {
    const uint8_t *bytes, *classes;
    size_t size;
};

static inline size_t length_of(uint8_t lead) {
    return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* Decodes a character; the text has been checked. */
static inline uint32_t code_at(const uint8_t *bytes) {
    uint32_t lead = bytes[0];
    if (lead < 0x80)
        return lead;
    if (lead < 0xE0)
        return (lead & 0x1F) << 6 | (bytes[1] & 0x3F);
    if (lead < 0xF0)
        return (lead & 0xF) << 12 | (bytes[1] & 0x3Fu) << 6 | (bytes[2] & 0x3F);
    return (lead & 7) << 18 | (bytes[1] & 0x3Fu) << 12 | (bytes[2] & 0x3Fu) << 6 |
           (bytes[3] & 0x3F);
}

static inline uint8_t class_at(const struct text *text, size_t at) {
    return at < text->size ? text->classes[code_at(text->bytes + at)] : NEWLINE;
}

static inline size_t behind(const struct text *text, size_t at) {
    return at + length_of(text->bytes[at]);
}

/* Whether steps 1 to 3 cut before the character at `at`, whose neighbour before is `left`; one of
 * the two is a space. */
static int is_cut_early(const struct text *text, uint8_t left, size_t at) {
    uint8_t right = class_at(text, at);
    if (right & NEWLINE || (left & PUNCTUATION && !(right & PUNCTUATION)))
        return 1;
    if (!(right & SPACE))
        return 0; /* the space goes with what is behind it */
    size_t next_at = behind(text, at);
    uint8_t next = class_at(text, next_at);
    if ((left | next) & LETTER)
        return 1; /* a run of letters ends, or begins with this space */
    if (right & PUNCTUATION)
        return !(left & (PUNCTUATION | SPACE));
    /* A run of punctuation begins with this space, unless a letter takes the punctuation. */
    return next & PUNCTUATION &&
           !(next & SPACE && class_at(text, behind(text, next_at)) & LETTER);
}

/* Whether any step cuts there; step 4 cuts off the whitespace that ends a piece. */
static int is_cut(const struct text *text, uint8_t left, size_t at) {
    uint8_t right = class_at(text, at);
    if ((left | right) & ALONE || (left ^ right) & CJK)
        return 1;
    if (!((left | right) & SPACE))
        return (left ^ right) & KIND;
    if (is_cut_early(text, left, at))
        return 1;
    if (left & SPACE)
        return 0;
    while (right & SPACE) {
        at = behind(text, at);
        if (is_cut_early(text, right, at))
            return 1;
        right = class_at(text, at);
    }
    return 0;
}

/* Returns where the piece that begins at `at` ends, asking of every character. */
static size_t slow_end(const struct text *text, size_t at) {
    do {
        uint8_t left = class_at(text, at);
        at = behind(text, at);
        if (is_cut(text, left, at))
            break;
    } while (at < text->size);
    return at;
}

/* Returns where the run of one kind that `at` is inside of ends. */
static inline size_t run_end(const struct text *text, size_t at, uint8_t kind) {
    const uint8_t *bytes = text->bytes, *classes = text->classes;
    size_t size = text->size;
    if (!(kind & CJK))
        while (at < size && bytes[at] < 0x80 && classes[bytes[at]] == kind)
            at++;
    while (at < size && classes[code_at(bytes + at)] == kind)
        at += length_of(bytes[at]);
    return at;
}

/* Returns where the piece that begins at `start` ends. */
static inline size_t piece_end(const struct text *text, size_t start) {
    size_t at = start;
    uint8_t class = class_at(text, at);
    if (class == SPACE) {
        at++;
        if (text->bytes[start] >= 0x80)
            return slow_end(text, start);
        while (at < text->size && text->classes[text->bytes[at]] == SPACE && text->bytes[at] < 0x80)
            at++;
        class = class_at(text, at);
        if (class & SPACE || !(class & ~CJK))
            return class == CJK ? at : slow_end(text, start);
        if (class & ALONE)
            return at;
        if (at - start > 1)
            return at - 1;
        if (class & CJK)
            return at;
    } else if (class & (SPACE | ALONE)) {
        return class & ALONE ? behind(text, at) : slow_end(text, start);
    }
    at = run_end(text, behind(text, at), class);
    if (class & LETTER || !(class_at(text, at) & SPACE) || is_cut(text, class, at))
        return at;
    return slow_end(text, start);
}
