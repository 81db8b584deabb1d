/* The attributes of tags: which are cut, and what those of images and scripts say.
 *
 * Part of markup.c. */

static int is_cut(const struct scan *scan, const struct name *name, size_t start, uint32_t flags) {
    const uint8_t *text = scan->text + start;
    if (flags)
        return flags & CUT;
    if (name->size > DATA_BYTES && (name->first & UINT64_C(0xFFFFFFFFFF)) == UINT64_C(0x2D61746164))
        return (text[DATA_BYTES] | 0x20) != 'a' && (text[DATA_BYTES] | 0x20) != 't';
    return name->size > 3 && (name->first & 0xFFFF) == UINT64_C(0x6E6F);
}

static void note(struct tag *tag, uint32_t flags, struct value value) {
    struct value *into = flags & TYPE     ? &tag->type
                         : flags & CLASS  ? &tag->class
                         : flags & ALT    ? &tag->alt
                         : flags & SOURCE ? &tag->source
                                          : NULL;
    if (into && !into->bytes)
        *into = value;
}

/* Reads the attributes of a tag; returns where its ">" is, the size if it has none. */
static size_t read_attributes(struct scan *scan, struct tag *tag, size_t at) {
    const uint8_t *text = scan->text;
    const size_t size = scan->size;
    int whole = scan->head && scan->opened && tag->flags & WHOLE;
    int may_cut = !tag->closing && !whole && !(tag->flags & FORMATTING);
    while (1) {
        size_t before = at;
        while (at < size && (is_space(text[at]) || text[at] == '/'))
            at++;
        if (at >= size || text[at] == '>') {
            tag->self_closing = at > before && text[at - 1] == '/';
            return at;
        }
        size_t start = at;
        struct name name = {0};
        do
            extend(&name, text[at++]);
        while (at < size && !is_space(text[at]) && text[at] != '/' && text[at] != '>' &&
               text[at] != '=');
        while (at < size && is_space(text[at]))
            at++;
        if (at >= size || text[at] != '=')
            continue;
        at++;
        while (at < size && is_space(text[at]))
            at++;
        size_t first = at, stop;
        if (at < size && (text[at] == '"' || text[at] == '\'')) {
            stop = find_byte(scan, text[at], ++first);
            at = stop + 1;
        } else {
            while (at < size && !is_space(text[at]) && text[at] != '>')
                at++;
            stop = at;
        }
        if (at > size)
            return size;
        uint32_t flags = flags_of(&attributes, &name);
        tag->num_formulas += flags & FORMULA && stop > first;
        if (flags & ~CUT && tag->flags & (IMAGE | SCRIPT))
            note(tag, flags, (struct value){text + first, stop - first});
        if (!may_cut || !is_cut(scan, &name, start, flags) || !is_space(text[start - 1]))
            continue;
        size_t next = at;
        while (next < size && is_space(text[next]))
            next++;
        if (next < size && text[next] != '=')
            cut(scan, start, at);
    }
}
