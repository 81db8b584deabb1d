/* What tags do to the state of a scan: depth, counts, and whether the parser is followed for sure.
 *
 * Part of markup.c. */

static void count_step(struct scan *scan, const struct tag *tag) {
    if (tag->flags & FLAT)
        return;
    scan->sum += tag->closing ? -1 : 1;
    if (scan->sum < scan->lowest)
        scan->lowest = scan->sum;
    if (scan->sum - scan->lowest > scan->depth)
        scan->depth = scan->sum - scan->lowest;
}

static int contains(struct value value, const char *part) {
    size_t size = strlen(part);
    for (size_t i = 0; i + size <= value.size; i++)
        if (!memcmp(value.bytes + i, part, size))
            return 1;
    return 0;
}

/* Tells a picture of a formula by its text, its class or its address. */
static int is_formula_image(const struct tag *tag) {
    struct value alt = tag->alt, class = tag->class;
    while (alt.size && is_space(alt.bytes[0]))
        alt.bytes++, alt.size--;
    int is_command = alt.size > 1 && alt.bytes[0] == '\\';
    int is_delimiter = is_command && (alt.bytes[1] == '(' || alt.bytes[1] == '[');
    if ((alt.size > 1 && alt.bytes[0] == '$') || is_delimiter ||
        (is_command && looks_like_tex(alt.bytes, 0, alt.size)) ||
        (alt.size > 14 && !memcmp(alt.bytes, "{\\displaystyle", 14)))
        return 1;
    for (size_t at = 0; alt.size && at < class.size; at++) {
        size_t start = at;
        while (at < class.size && !is_space(class.bytes[at]))
            at++;
        struct name name = packed(class.bytes + start, at - start);
        if (at - start > 0 && at - start <= MAX_NAME && flags_of(&classes, &name))
            return 1;
    }
    return contains(tag->source, "latex.php?") || contains(tag->source, "codecogs.com/") ||
           contains(tag->source, "mathtex.cgi?") || contains(tag->source, "mimetex.cgi?") ||
           contains(tag->source, "equation?tex=") || contains(tag->source, "?cht=tx");
}

static int is_formula_script(struct value type) {
    while (type.size && is_space(type.bytes[0]))
        type.bytes++, type.size--;
    return type.size > 5 && (type.bytes[0] | 0x20) == 'm' && (type.bytes[1] | 0x20) == 'a' &&
           (type.bytes[2] | 0x20) == 't' && (type.bytes[3] | 0x20) == 'h' && type.bytes[4] == '/';
}

static void follow_head(struct scan *scan, const struct tag *tag) {
    if (!(tag->flags & HEAD) || (tag->closing && tag->flags & OPENS && !(tag->flags & IS_HEAD)) ||
        (!tag->closing && tag->flags & NOSCRIPT && scan->head_closed)) {
        scan->head = 0;
        return;
    }
    if (tag->flags & OPENS)
        scan->opened = 1;
    if (tag->flags & IS_HEAD && tag->closing)
        scan->head_closed = 1;
    int whole = tag->flags & WHOLE && scan->opened;
    if (whole && !(tag->flags & RAW) && !tag->closing)
        cut(scan, tag->start, tag->end);
    if (whole && tag->flags & RAW && !tag->closing)
        scan->whole = tag->start;
    if (tag->closing && scan->whole < tag->start && tag->flags & RAW) {
        cut(scan, scan->whole, tag->end);
        scan->whole = scan->size;
    }
}

static void follow_foreign(struct scan *scan, const struct tag *tag) {
    if (tag->closing) {
        size_t *num_open = tag->flags & MATH ? &scan->num_open_math : &scan->num_open_svg;
        if (tag->flags & FOREIGN && *num_open)
            --*num_open;
        if (tag->flags & (FOREIGN | INTEGRATION))
            scan->in_integration = 0;
        return;
    }
    if (scan->in_integration) {
        doubt(scan);
        return;
    }
    if (tag->self_closing)
        return;
    scan->num_open_math += !!(tag->flags & MATH);
    scan->num_open_svg += tag->flags & FOREIGN && !(tag->flags & MATH);
    scan->in_integration = !!(tag->flags & INTEGRATION);
}

static void count_element(struct scan *scan, const struct tag *tag) {
    const uint32_t flags = tag->flags;
    if (flags & BLOCK)
        scan->signs.pending = 0;
    if (flags & CODE) {
        if (!tag->closing)
            scan->num_code++;
        else if (scan->num_code)
            scan->num_code--;
    }
    if (flags & PRE) {
        end_line(&scan->signs);
        if (!tag->closing)
            scan->num_pre++;
        else if (scan->num_pre)
            scan->num_pre--;
    }
    if (flags & BREAK && scan->num_pre)
        end_line(&scan->signs);
    if (tag->closing)
        return;
    scan->num_options += !!(flags & OPTION);
    scan->num_math += !!(flags & MATH);
    scan->num_attributes += tag->num_formulas;
    if (flags & IMAGE)
        scan->num_images += is_formula_image(tag);
    if (flags & SCRIPT)
        scan->num_scripts += is_formula_script(tag->type);
}

/* Returns where the text of an element ends that has no markup in it, if the parser agrees. */
static size_t raw_text_end(struct scan *scan, const struct tag *tag, size_t at,
                           const char *closing) {
    size_t stop = find_tag(scan, closing, at, scan->size);
    int may_be_markup = is_foreign(scan) || (scan->in_select && !(tag->flags & SCRIPT));
    int is_doubtful = may_be_markup && find_byte(scan, '<', at) < stop;
    if (tag->flags & SCRIPT) {
        size_t comment = find_pair(scan, "<!--", at, stop);
        is_doubtful |= comment < stop && find_tag(scan, "script", comment, stop) < stop;
    }
    if (is_doubtful)
        doubt(scan);
    return is_doubtful ? at : stop;
}

static size_t read_tag(struct scan *scan, size_t start, int closing) {
    struct tag tag = {.start = start, .closing = closing};
    size_t at = start + 1 + (size_t)closing, name_start = at;
    struct name name = {0};
    while (at < scan->size && !is_space(scan->text[at]) && scan->text[at] != '/' &&
           scan->text[at] != '>')
        extend(&name, scan->text[at++]);
    tag.flags = flags_of(&tags, &name);
    if (!scan->certain) {
        count_step(scan, &tag);
        count_element(scan, &tag);
        return at;
    }
    if (scan->head && !(tag.flags & HEAD))
        scan->head = 0;
    at = read_attributes(scan, &tag, at);
    if (at >= scan->size)
        return scan->size;
    tag.end = at + 1;
    count_step(scan, &tag);
    count_element(scan, &tag);
    if (scan->head)
        follow_head(scan, &tag);
    if (is_foreign(scan) || tag.flags & FOREIGN)
        follow_foreign(scan, &tag);
    if (tag.flags & SELECT)
        scan->in_select = !closing;
    scan->in_template |= !!(tag.flags & TEMPLATE);
    if (tag.flags & STRANGE || (tag.flags & COLUMN && scan->in_template))
        doubt(scan);
    if (!(tag.flags & RAW) || closing || !scan->certain ||
        (is_foreign(scan) && tag.self_closing))
        return tag.end;
    char text[2 + MAX_NAME] = "/";
    for (size_t i = 0; i < name.size; i++)
        text[1 + i] = (char)(scan->text[name_start + i] | 0x20);
    return raw_text_end(scan, &tag, tag.end, text);
}
