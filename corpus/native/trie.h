/* The tokens as a tree of their bytes, in one array: a child stands at its parent's base, xor its
 * byte, and knows its parent. Eight bytes a node, so that most of a vocabulary stays in a cache. */

#define NODE_BITS 22
#define MAX_NODES ((size_t)1 << NODE_BITS)
#define ID_BITS 20
#define MAX_TOKENS (1 << ID_BITS)
#define NO_TOKEN (-1)

struct trie {
    uint64_t *nodes; /* parent + 1, base and token + 1; 0 is empty */
    size_t num_nodes, capacity;
};

/* The tokens' bytes and an order of some of the tokens by their bytes. */
struct token_list {
    const uint8_t *bytes;
    const int64_t *starts;
    const int32_t *order;
    size_t num_tokens;
};

static inline uint64_t pack_node(size_t parent, size_t base, int32_t token) {
    return (uint64_t)(parent + 1) | (uint64_t)base << NODE_BITS |
           (uint64_t)(token + 1) << (2 * NODE_BITS);
}

static inline size_t parent_plus_one(uint64_t node) { return node & (MAX_NODES - 1); }

static inline size_t base_of(uint64_t node) { return node >> NODE_BITS & (MAX_NODES - 1); }

static inline int32_t token_of(uint64_t node) { return (int32_t)(node >> (2 * NODE_BITS)) - 1; }

/* Returns the longest token that some bytes begin with, and adds its length to *at. */
static inline int32_t longest_token(const struct trie *trie, const uint8_t *bytes, size_t size,
                                    size_t *at) {
    size_t place = 0, length = 0;
    uint64_t node = trie->nodes[0];
    int32_t token = NO_TOKEN;
    for (size_t i = 0; i < size; i++) {
        size_t next = base_of(node) ^ bytes[i];
        node = trie->nodes[next];
        if (parent_plus_one(node) != place + 1)
            break;
        place = next;
        if (token_of(node) != NO_TOKEN) {
            token = token_of(node);
            length = i + 1;
        }
    }
    *at += length;
    return token;
}

/* A node whose children are not placed yet: the tokens of [first, last) share its bytes. */
struct open_node {
    size_t node, depth, first, last;
};

static inline int byte_of(const struct token_list *list, size_t place, size_t depth) {
    const int64_t *starts = list->starts + list->order[place];
    return starts[0] + (int64_t)depth < starts[1] ? list->bytes[starts[0] + (int64_t)depth] : -1;
}

/* Returns a base at which all of some bytes are free, from *from on, which it moves there;
 * MAX_NODES where there is none. */
static size_t find_base(const struct trie *trie, const uint8_t *bytes, size_t num, size_t *from) {
    for (; *from < trie->capacity; ++*from) {
        size_t base = *from ^ bytes[0], i = 0;
        while (i < num && (base ^ bytes[i]) && !trie->nodes[base ^ bytes[i]])
            i++;
        if (i == num)
            return base;
    }
    return MAX_NODES;
}

/* Places the children of a node and returns how many were opened; MAX_NODES where no room is. */
static size_t place_children(struct trie *trie, const struct token_list *list, struct open_node node,
                             size_t *froms, struct open_node *opened) {
    uint8_t bytes[256];
    size_t num = 0, first = node.first;
    if (byte_of(list, first, node.depth) < 0) {
        trie->nodes[node.node] |= (uint64_t)(list->order[first] + 1) << (2 * NODE_BITS);
        first++;
    }
    for (size_t i = first; i < node.last; i++) {
        int byte = byte_of(list, i, node.depth);
        if (!num || bytes[num - 1] != byte) {
            bytes[num] = (uint8_t)byte;
            opened[num++].first = i;
        }
    }
    if (!num)
        return 0;
    size_t base = find_base(trie, bytes, num, &froms[num < 16 ? num : 16]);
    if (base == MAX_NODES)
        return MAX_NODES;
    trie->nodes[node.node] |= (uint64_t)base << NODE_BITS;
    for (size_t i = 0; i < num; i++) {
        size_t child = base ^ bytes[i];
        trie->nodes[child] = pack_node(node.node, 0, NO_TOKEN);
        trie->num_nodes = child >= trie->num_nodes ? child + 1 : trie->num_nodes;
        opened[i].node = child;
        opened[i].depth = node.depth + 1;
        opened[i].last = i + 1 < num ? opened[i + 1].first : node.last;
    }
    return num;
}

/* Makes the tree of the tokens; returns 0 where memory is short. */
static int make_trie(struct trie *trie, const struct token_list *list, size_t num_bytes) {
    size_t froms[17], num_open = 1, num_opened = 1;
    trie->capacity = (2 * num_bytes | 255) + 257;
    struct open_node *queue = malloc((num_bytes + 257) * sizeof *queue);
    trie->nodes = calloc(trie->capacity, sizeof *trie->nodes);
    if (!queue || !trie->nodes) {
        free(queue);
        return 0;
    }
    for (size_t i = 0; i < 17; i++)
        froms[i] = 1;
    trie->num_nodes = 256;
    trie->nodes[0] = pack_node(MAX_NODES - 2, 0, NO_TOKEN);
    queue[0] = (struct open_node){0, 0, 0, list->num_tokens};
    for (size_t i = 0; i < num_open && num_opened < MAX_NODES; i++) {
        num_opened = place_children(trie, list, queue[i], froms, queue + num_open);
        num_open += num_opened;
    }
    free(queue);
    if (num_opened == MAX_NODES)
        return 0;
    /* A child is looked for at any base and byte. */
    trie->num_nodes = (trie->num_nodes - 1) / 256 * 256 + 256;
    uint64_t *fitted = realloc(trie->nodes, trie->num_nodes * sizeof *fitted);
    trie->nodes = fitted ? fitted : trie->nodes;
    return 1;
}
