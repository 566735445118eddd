/* Values of the configuration, from text. Each returns NULL, or what is wrong as a constant phrase that fits behind the
 * key's name: "must be …". */
#ifndef PROXY_CONFIG_VALUE_H
#define PROXY_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

const char *value_bool(const char *text, bool *out);        /* true, false, yes, no, on, off */
const char *value_number(const char *text, uint64_t *out);  /* decimal, or 0x and hexadecimal */
const char *value_size(const char *text, uint64_t *out);    /* bytes; "16M": K, M, G, T are powers of 1024 */
const char *value_duration(const char *text, uint64_t *ms); /* "250ms", "10s", "5m", "1h" */

/* Texts that must have a form. */
const char *value_path(const char *text);         /* absolute */
const char *value_socket_path(const char *text);  /* absolute and short enough for unix(7) */
const char *value_file(const char *text);         /* "" or a file that can be read */
const char *value_path_or_none(const char *text); /* "" or absolute */
const char *value_interface(const char *text);    /* netdevice(7): 1 to 15 bytes, no blank, no slash */
const char *value_host(const char *text);         /* a host's name, or "*." and one for all below it */
const char *value_address(const char *text);      /* IPv4 or IPv6, no prefix length */
const char *value_listen(const char *text);       /* "" or "192.0.2.1:80" or "[2001:db8::1]:80" */
const char *value_user(const char *text);         /* "" or a name, which need not exist here */
const char *value_one_line(const char *text);     /* no control bytes */
const char *value_condition(const char *text);    /* "" or a condition that ends where it ends: nft reads it later */

#endif
