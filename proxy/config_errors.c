/* Errors are kept until all are known. Where memory is out for one, its text is lost but the count is not: a bad
 * configuration never passes for a good one. */
#include "proxy/config_errors.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/escape.h"

void config_error(struct config_errors *errors, unsigned line, const char *format, ...)
{
        struct config_error *at = realloc(errors->at, (errors->count + 1) * sizeof *at);
        char *text = NULL;
        va_list arguments;

        if (at) {
                va_start(arguments, format);
                if (vasprintf(&text, format, arguments) < 0)
                        text = NULL;
                va_end(arguments);
                errors->at = at;
                at[errors->count] = (struct config_error){line, text};
                errors->count++;
        } else if (errors->count == 0) {
                abort(); /* not even one error fits into memory */
        }
}

/* Errors of one line stay in the order in which they were found. */
static void sort(struct config_errors *errors)
{
        for (size_t i = 1; i < errors->count; i++)
                for (size_t k = i; k > 0 && errors->at[k - 1].line > errors->at[k].line; k--) {
                        struct config_error swap = errors->at[k];

                        errors->at[k] = errors->at[k - 1];
                        errors->at[k - 1] = swap;
                }
}

void config_errors_write(struct config_errors *errors, const char *path, FILE *to)
{
        char line[1024];

        sort(errors);
        for (size_t i = 0; i < errors->count; i++) {
                const struct config_error *e = &errors->at[i];
                const char *text = e->text ? e->text : "out of memory";

                *escape_message(line, line + sizeof line - 1, (struct span){text, strlen(text)}) = 0;
                if (e->line)
                        fprintf(to, "%s:%u: %s\n", path, e->line, line);
                else
                        fprintf(to, "%s: %s\n", path, line);
                free(e->text);
        }
        free(errors->at);
        *errors = (struct config_errors){NULL, 0};
}
