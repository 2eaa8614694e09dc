/* In the manner of CoreMark: a linked list, a matrix of small integers, a
 * state machine over text, and a CRC over it all. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint16_t crc16(uint16_t v, uint16_t crc)
{
    for (int i = 0; i < 16; i++, v >>= 1)
        crc = (crc ^ v) & 1 ? (uint16_t)(crc >> 1 ^ 0xa001) : crc >> 1;
    return crc;
}

/* ---- list ---- */

typedef struct node {
    struct node *next;
    int16_t key, data;
} node;

static node nodes[200];

static node *make_list(uint32_t seed)
{
    for (int i = 0; i < 200; i++) {
        seed = seed * 69069 + 1;
        nodes[i] = (node){i < 199 ? &nodes[i + 1] : NULL, (int16_t)(seed >> 16),
                          (int16_t)i};
    }
    return nodes;
}

static node *reverse(node *n)
{
    node *done = NULL;
    while (n) {
        node *next = n->next;
        n->next = done;
        done = n;
        n = next;
    }
    return done;
}

static node *merge(node *a, node *b)
{
    node head, *tail = &head;
    while (a && b) {
        node **least = a->key <= b->key ? &a : &b;
        tail = tail->next = *least;
        *least = (*least)->next;
    }
    tail->next = a ? a : b;
    return head.next;
}

static node *sort(node *n)
{
    if (!n || !n->next)
        return n;
    node *slow = n, *fast = n->next;
    while (fast && fast->next) {
        slow = slow->next;
        fast = fast->next->next;
    }
    node *half = slow->next;
    slow->next = NULL;
    return merge(sort(n), sort(half));
}

/* ---- matrix ---- */

enum { M = 12 };
static int16_t ma[M][M], mb[M][M];
static int32_t mc[M][M];

static uint16_t matrix(int16_t seed)
{
    uint16_t crc = 0;
    for (int i = 0; i < M; i++)
        for (int j = 0; j < M; j++) {
            ma[i][j] = (int16_t)(seed + i * j);
            mb[i][j] = (int16_t)(seed ^ (i + j));
        }
    for (int i = 0; i < M; i++)
        for (int j = 0; j < M; j++) {
            int32_t sum = 0;
            for (int k = 0; k < M; k++)
                sum += ma[i][k] * mb[k][j];
            mc[i][j] = sum;
            crc = crc16(
                (uint16_t)(sum >> 2 & 0xf) + (uint16_t)(sum >> 5 & 0x7f), crc);
        }
    return crc;
}

/* ---- state machine ---- */

typedef enum state { START, SIGN, INTEGER, FRACTION, EXPONENT, BAD } state;

static state classify(const char **s)
{
    state st = START;
    for (; **s && **s != ','; (*s)++) {
        char c = **s;
        int digit = c >= '0' && c <= '9';
        switch (st) {
        case START:
            st = digit                  ? INTEGER
                 : c == '-' || c == '+' ? SIGN
                 : c == '.'             ? FRACTION
                                        : BAD;
            break;
        case SIGN: st = digit ? INTEGER : c == '.' ? FRACTION : BAD; break;
        case INTEGER:
            st = digit      ? INTEGER
                 : c == '.' ? FRACTION
                 : c == 'e' ? EXPONENT
                            : BAD;
            break;
        case FRACTION: st = digit ? FRACTION : c == 'e' ? EXPONENT : BAD; break;
        case EXPONENT: st = digit || c == '-' ? EXPONENT : BAD; break;
        case BAD: break;
        }
    }
    if (**s)
        (*s)++;
    return st;
}

static uint16_t machine(uint16_t crc)
{
    static const char text[] = "12,-3.5,+7e3,x9,.25,44.1e-2,5012,-,1.2.3,9999";
    uint32_t counts[6] = {0};
    for (const char *s = text; *s;)
        counts[classify(&s)]++;
    for (int i = 0; i < 6; i++)
        crc = crc16((uint16_t)counts[i], crc);
    return crc;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 6000;
    uint16_t crc = 0;
    for (int r = 0; r < rounds; r++) {
        node *list = sort(reverse(make_list((uint32_t)r)));
        for (node *n = list; n; n = n->next)
            crc = crc16((uint16_t)n->key, crc);
        crc = crc16(matrix((int16_t)r), crc);
        crc = machine(crc);
    }
    printf("%04x\n", crc);
}
