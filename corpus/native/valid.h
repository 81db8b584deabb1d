/* Whether bytes are UTF-8, asked once of each text so that no scan has to. */

/* Returns where the bytes stop to be UTF-8; size if they never do. */
static size_t valid_until(const uint8_t *bytes, size_t size) {
    size_t at = 0;
    while (at < size) {
        uint64_t word;
        while (at + 8 <= size && (memcpy(&word, bytes + at, 8), !(word & 0x8080808080808080u)))
            at += 8;
        if (at >= size)
            break;
        uint8_t lead = bytes[at];
        if (lead < 0x80) {
            at++;
            continue;
        }
        size_t length = length_of(lead);
        if (lead < 0xC2 || lead > 0xF4 || at + length > size)
            return at;
        for (size_t i = 1; i < length; i++)
            if ((bytes[at + i] & 0xC0) != 0x80)
                return at;
        uint32_t code = code_at(bytes + at);
        if (length > 2 && (code < (length == 3 ? 0x800u : 0x10000u) || code >= NUM_CODES ||
                           (code >= 0xD800 && code < 0xE000)))
            return at;
        at += length;
    }
    return size;
}
