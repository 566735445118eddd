/* Queues: see queue.h. */
#include "tests/bench/ratio/queue.h"

void queue_add(struct queue *q, struct node *nodes, uint32_t key, uint32_t size)
{
        nodes[key] = (struct node){NOBODY, q->head};
        if (q->head != NOBODY)
                nodes[q->head].newer = key;
        else
                q->tail = key;
        q->head = key;
        q->bytes += size;
}

void queue_remove(struct queue *q, struct node *nodes, uint32_t key, uint32_t size)
{
        struct node n = nodes[key];

        if (n.newer != NOBODY)
                nodes[n.newer].older = n.older;
        else
                q->head = n.older;
        if (n.older != NOBODY)
                nodes[n.older].newer = n.newer;
        else
                q->tail = n.newer;
        q->bytes -= size;
}
