/* Weights: how much a client wants what it names. */
#include "http/weight.h"

#include "http/fields.h"
#include "http/octet.h"

/* qvalue (RFC 9110 §12.4.2) in thousandths; -1 where it is none. */
static int weight_read(struct span q)
{
        int weight = 0, digits = 0;
        if (q.len == 0 || q.len > 5 || (q.at[0] != '0' && q.at[0] != '1') || (q.len > 1 && q.at[1] != '.'))
                return -1;
        for (size_t i = 0; i < q.len; i++) {
                if (i == 1)
                        continue;
                if (!octet_is(q.at[i], OCTET_DIGIT))
                        return -1;
                weight = weight * 10 + (q.at[i] - '0');
                digits++;
        }
        for (; digits < 4; digits++)
                weight *= 10;
        return weight <= WEIGHT_ONE ? weight : -1;
}

struct weighted weighted_read(struct span element)
{
        size_t len = octet_run(element, OCTET_TOKEN);
        struct weighted w = {{element.at, len}, WEIGHT_ONE};
        struct span rest = span_trim((struct span){element.at + len, element.len - len});
        if (len > 0 && rest.len == 0)
                return w;
        int weight = -1;
        if (len > 0 && rest.at[0] == ';') {
                rest = span_trim((struct span){rest.at + 1, rest.len - 1});
                if (rest.len > 2 && (rest.at[0] | 0x20) == 'q' && rest.at[1] == '=')
                        weight = weight_read((struct span){rest.at + 2, rest.len - 2});
        }
        if (weight < 0)
                return (struct weighted){element, WEIGHT_ONE + 1};
        w.weight = (unsigned)weight;
        return w;
}
