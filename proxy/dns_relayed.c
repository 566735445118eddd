/* What is remembered of a query is what its reply must repeat. */
#include "proxy/dns_relayed.h"

bool dns_relayed_begin(struct dns_relayed *q, char *message, size_t len, uint16_t id)
{
        struct span question;

        q->question_len = 0;
        if (!dns_query((struct span){message, len}, &question))
                return false;
        q->theirs = dns_id(message);
        q->ours = id;
        q->question_len = (uint16_t)question.len;
        memcpy(q->question, question.at, question.len);
        dns_set_id(message, id);
        return true;
}

bool dns_relayed_end(const struct dns_relayed *q, char *message, size_t len)
{
        if (!dns_answers((struct span){message, len}, q->ours, (struct span){q->question, q->question_len}))
                return false;
        dns_set_id(message, q->theirs);
        return true;
}
