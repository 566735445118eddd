/* Where does the head end? A scan for line ends that judges nothing but what cannot wait for the whole head: its size,
 * and whether the first bytes can be HTTP at all.
 *
 * Bare line feeds end lines here as they do for the most forgiving of servers, so that all of what such a server would
 * take for the head lies before parse_request when it judges. */
#include "http/octet.h"
#include "http/parse_private.h"

enum { BLANK_MAX = 4, METHOD_MAX = 32 };

/* NULL as long as `start`, the bytes that are there of a start line, may become one. */
typedef const struct fault *start_judge(struct span start, bool whole);

static const struct fault too_large = {FAULT_ODD, 431, "head too large"};
static const struct fault target_too_long = {FAULT_ODD, 414, "request target too long"};
static const struct fault too_many_fields = {FAULT_ODD, 431, "too many fields"};
static const struct fault blank_lines = {FAULT_ODD, 400, "blank lines before the start line"};
static const struct fault not_http = {FAULT_NOT_HTTP, 400, "not an http request"};
static const struct fault other_version = {FAULT_NOT_HTTP, 505, "http version not supported"};
static const struct fault simple_request = {FAULT_ODD, 400, "request without a version"};
static const struct fault no_status_line = {FAULT_BARE, 502, "no status line"};

/* Where "HTTP/" in any case begins in a request line, after a space; NULL where it does not occur. */
static const char *find_version(struct span line)
{
        for (const char *at = line.at; (size_t)(line.at + line.len - at) > 6; at++)
                if (*at == ' ' && strncasecmp(at + 1, "HTTP/", 5) == 0)
                        return at + 1;
        return NULL;
}

/* A method, a space, and once the line is whole a version in it. What has one of these wrong in part is left for
 * parse_request, to be judged with the fields that follow. */
static const struct fault *judge_request_start(struct span line, bool whole)
{
        size_t method = octet_run(line, OCTET_TOKEN);
        if (method < line.len ? method == 0 || line.at[method] != ' ' : whole || method > METHOD_MAX)
                return &not_http;
        if (!whole || request_line_minor(line) >= 0)
                return NULL;
        const char *version = find_version(line);
        if (version)
                return version[5] == '0' || version[5] == '1' ? NULL : &other_version;
        return line.len > 4 && memcmp(line.at, "GET ", 4) == 0 ? &simple_request : &not_http;
}

static const struct fault *judge_response_start(struct span line, bool whole)
{
        static const char http[] = "HTTP/";
        size_t n = line.len < sizeof http - 1 ? line.len : sizeof http - 1;
        if (memcmp(line.at, http, n) != 0 || (whole && n < sizeof http - 1))
                return &no_status_line;
        return NULL;
}

static enum scan refuse(struct fault *fault, const struct fault *why)
{
        *fault = *why;
        return SCAN_FAULT;
}

/* The line bytes[s->line .. end) is whole: `end` is its line feed. */
static enum scan end_line(struct head_scan *s, const char *bytes, size_t end, start_judge *judge, struct fault *fault)
{
        struct span line = {bytes + s->line, end - s->line};
        bool crlf = line.len > 0 && line.at[line.len - 1] == '\r';
        if (crlf)
                line.len--;
        s->seen = s->line = (uint32_t)end + 1;
        if (line.len == 0 && s->lines > 0)
                return SCAN_DONE;
        if (line.len == 0) {
                s->blank = (uint16_t)s->line;
                return crlf && s->blank <= BLANK_MAX ? SCAN_MORE : refuse(fault, &blank_lines);
        }
        const struct fault *wrong = s->lines == 0 ? judge(line, true) : NULL;
        if (wrong == NULL && ++s->lines > FIELDS_MAX + 1)
                wrong = &too_many_fields;
        return wrong ? refuse(fault, wrong) : SCAN_MORE;
}

static enum scan scan_head(struct head_scan *s, const char *bytes, size_t len, start_judge *judge, struct fault *fault)
{
        size_t limit = len < HEAD_MAX ? len : HEAD_MAX;
        enum scan state = SCAN_MORE;
        const char *feed;
        while (s->seen < limit && (feed = memchr(bytes + s->seen, '\n', limit - s->seen))) {
                state = end_line(s, bytes, (size_t)(feed - bytes), judge, fault);
                if (state != SCAN_MORE)
                        return state;
        }
        s->seen = (uint32_t)limit;
        struct span start = {bytes + s->line, limit - s->line};
        if (s->lines == 0 && start.len > 0 && !(start.len == 1 && start.at[0] == '\r')) {
                const struct fault *wrong = judge(start, false);
                if (wrong)
                        return refuse(fault, wrong);
        }
        if (limit == HEAD_MAX)
                return refuse(fault, s->lines == 0 ? &target_too_long : &too_large);
        return SCAN_MORE;
}

enum scan scan_request(struct head_scan *s, const char *bytes, size_t len, struct fault *fault)
{
        return scan_head(s, bytes, len, judge_request_start, fault);
}

enum scan scan_response(struct head_scan *s, const char *bytes, size_t len, struct fault *fault)
{
        enum scan state = scan_head(s, bytes, len, judge_response_start, fault);
        if (state == SCAN_FAULT) {
                fault->status = 502;
                if (fault->kind == FAULT_ODD)
                        fault->kind = FAULT_FRAMING;
        }
        return state;
}
