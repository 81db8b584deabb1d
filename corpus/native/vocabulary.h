/* The tables of a vocabulary, made of its tokens and merges. */

static void free_vocabulary(struct vocabulary *vocabulary) {
    free(vocabulary->tokens);
    free(vocabulary->pairs);
    free(vocabulary->filter);
    free(vocabulary->trie.nodes);
    free(vocabulary->classes);
    free(vocabulary);
}

static struct vocabulary *new_vocabulary(size_t num_tokens) {
    struct vocabulary *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->num_tokens = (int32_t)num_tokens;
    made->tokens = calloc(num_tokens, sizeof *made->tokens);
    made->classes = malloc(NUM_CODES);
    made->filter = calloc((size_t)1 << FILTER_BITS >> 6, 8);
    for (made->pair_bits = 4; (size_t)1 << made->pair_bits < 2 * num_tokens;)
        made->pair_bits++;
    made->pairs = calloc((size_t)1 << made->pair_bits, sizeof *made->pairs);
    if (made->tokens && made->classes && made->filter && made->pairs)
        return made;
    free_vocabulary(made);
    return NULL;
}

static void add_pair(struct vocabulary *vocabulary, int32_t token) {
    uint64_t key = pair_key(vocabulary->tokens[token].left, vocabulary->tokens[token].right);
    uint64_t hash = hash_key(key);
    size_t mask = ((size_t)1 << vocabulary->pair_bits) - 1, bit = hash >> (64 - FILTER_BITS);
    size_t slot = hash >> (64 - vocabulary->pair_bits);
    vocabulary->filter[bit / 64] |= (uint64_t)1 << bit % 64;
    while (vocabulary->pairs[slot])
        slot = (slot + 1) & mask;
    vocabulary->pairs[slot] = key << ID_BITS | (uint64_t)token;
}

/* Whether each token is a byte, or two tokens before it whose bytes it has. */
static int check_merges(const struct vocabulary *vocabulary, const struct column *tokens) {
    const int64_t *starts = tokens->starts;
    for (int32_t i = 0; i < vocabulary->num_tokens; i++) {
        int32_t left = vocabulary->tokens[i].left, right = vocabulary->tokens[i].right;
        int64_t size = starts[i + 1] - starts[i];
        if (left == i && right == i && size == 1)
            continue;
        if (left < 0 || right < 0 || left >= i || right >= i)
            return 0;
        int64_t left_size = starts[left + 1] - starts[left];
        if (size != left_size + starts[right + 1] - starts[right] ||
            memcmp(tokens->bytes + starts[i], tokens->bytes + starts[left], (size_t)left_size) ||
            memcmp(tokens->bytes + starts[i] + left_size, tokens->bytes + starts[right],
                   (size_t)(size - left_size)))
            return 0;
    }
    return 1;
}

/* Fills `kept` with those tokens of an order that their own bytes become, and returns how many they
 * are: the others are never a result. Leaves a mark in `shorter`. */
static size_t keep_results(struct vocabulary *vocabulary, const int32_t *order, int32_t *kept) {
    struct token *tokens = vocabulary->tokens;
    size_t num = 0;
    for (int32_t i = 0; i < vocabulary->num_tokens; i++) {
        int32_t left = tokens[i].left, right = tokens[i].right;
        tokens[i].shorter = left == i || (tokens[left].shorter && tokens[right].shorter &&
                                          stay_apart(vocabulary, left, right, i));
    }
    for (int32_t i = 0; i < vocabulary->num_tokens; i++)
        if (tokens[order[i]].shorter)
            kept[num++] = order[i];
    return num;
}

/* Fills the tables of a vocabulary whose merges are set and checked; `order` sorts the tokens by
 * their bytes. Returns 0 where memory is short. */
static int index_tokens(struct vocabulary *vocabulary, const struct column *tokens,
                        const int32_t *order) {
    const int64_t *starts = tokens->starts;
    for (int32_t i = 0; i < vocabulary->num_tokens; i++) {
        vocabulary->tokens[i].size = (int32_t)(starts[i + 1] - starts[i]);
        if (vocabulary->tokens[i].left != i)
            add_pair(vocabulary, i);
    }
    int32_t *kept = malloc(4 * (size_t)vocabulary->num_tokens);
    if (!kept)
        return 0;
    struct token_list list = {tokens->bytes, starts, kept, 0};
    list.num_tokens = keep_results(vocabulary, order, kept);
    int is_made = make_trie(&vocabulary->trie, &list, (size_t)tokens->data.len);
    free(kept);
    size_t length = 0;
    for (int32_t i = 0; is_made && i < vocabulary->num_tokens; i++)
        vocabulary->tokens[i].shorter =
            longest_token(&vocabulary->trie, tokens->bytes + starts[i],
                          (size_t)vocabulary->tokens[i].size - 1, &length);
    return is_made;
}
