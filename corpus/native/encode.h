/* Tokens of whole texts: pieces are found, looked up in the cache, and encoded if they are new. */

/* Where tokens go, and what is needed to find them. */
struct encoder {
    const struct vocabulary *vocabulary;
    struct cache cache;
    struct neighbours known;
    uint64_t *dead; /* see encode_piece() */
};

/* Returns the cuts of the block at a place, none where pieces.h has to find them. */
static inline uint64_t cuts_at(const struct text *text, size_t at, size_t room, int is_plain) {
    if (is_plain && at + BLOCK <= text->size && BLOCK + MAX_CACHED_BYTES <= room)
        return plain_cuts(text->bytes + at);
    return 0;
}

/* Writes the tokens of a piece and returns where the next go; NULL if it has none. */
static inline int32_t *put_piece(struct encoder *encoder, const uint8_t *bytes, size_t size,
                                 size_t room, int32_t *out) {
    struct cache *cache = &encoder->cache;
    if (!out)
        return NULL;
    if (size > MAX_CACHED_BYTES)
        return encode_piece(encoder->vocabulary, encoder->known, bytes, size, out, encoder->dead);
    struct cached key = key_of(bytes, size, room);
    struct cached *set = set_of(cache, &key);
    int is_second = is_same(&set[1], &key);
    if (is_same(&set[0], &key) | is_second) {
        memcpy(out, set[is_second].tokens, sizeof key.tokens);
        cache->num_hits++;
        return out + set[is_second].num_tokens;
    }
    cache->num_misses++;
    int32_t *end =
        encode_piece(encoder->vocabulary, encoder->known, bytes, size, out, encoder->dead);
    if (end && end - out <= MAX_CACHED_TOKENS) {
        memcpy(key.tokens, out, sizeof key.tokens);
        key.num_tokens = (uint16_t)(end - out);
        set[1] = set[0];
        set[0] = key;
    }
    return end;
}

/* Writes the tokens of a text of which `room` bytes can be read; returns NULL if it has none. */
static inline int32_t *encode_text(struct encoder *encoder, const struct text *text, size_t room,
                                   int32_t *out) {
    int is_plain = encoder->vocabulary->is_plain;
    for (size_t at = 0, end; at < text->size; at = end) {
        uint64_t cuts = cuts_at(text, at, room - at, is_plain);
        if (!cuts) {
            end = piece_end(text, at);
            out = put_piece(encoder, text->bytes + at, end - at, room - at, out);
        }
        for (size_t block = at; cuts; at = end, cuts &= cuts - 1) {
            end = block + (size_t)__builtin_ctzll(cuts);
            out = put_piece(encoder, text->bytes + at, end - at, MAX_CACHED_BYTES, out);
        }
    }
    return out;
}

/* Returns the number of the text that is not UTF-8, or num_texts. */
static size_t encode_texts(struct encoder *encoder, const struct column *column, int32_t *out,
                           int64_t *out_starts) {
    int32_t *first = out;
    out_starts[0] = 0;
    for (size_t i = 0; i < column->num_texts; i++) {
        size_t start = (size_t)column->starts[i];
        struct text text = {column->bytes + start, encoder->vocabulary->classes,
                            (size_t)column->starts[i + 1] - start};
        if (valid_until(text.bytes, text.size) < text.size)
            return i;
        out = encode_text(encoder, &text, (size_t)column->data.len - start, out);
        if (!out)
            return i;
        out_starts[i + 1] = out - first;
    }
    return column->num_texts;
}
