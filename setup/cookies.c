/* /proc/net/netstat: for each group a line of names and one of numbers, in the same order (net/ipv4/proc.c). */
#include "setup/cookies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP "TcpExt:"

enum { LINE = 8192 };

bool cookies_parse(char *names, char *numbers, uint64_t *sent)
{
        char *name, *number, *rest_of_names, *rest_of_numbers;

        name = strtok_r(names, " \n", &rest_of_names);
        number = strtok_r(numbers, " \n", &rest_of_numbers);
        for (; name && number; number = strtok_r(NULL, " \n", &rest_of_numbers)) {
                if (strcmp(name, "SyncookiesSent") == 0) {
                        *sent = strtoull(number, NULL, 10);
                        return true;
                }
                name = strtok_r(NULL, " \n", &rest_of_names);
        }
        return false;
}

bool cookies_sent(uint64_t *sent)
{
        FILE *f = fopen("/proc/net/netstat", "re");
        char names[LINE], numbers[LINE];
        bool found = false;

        while (f && !found && fgets(names, sizeof names, f) && fgets(numbers, sizeof numbers, f))
                found = strncmp(names, GROUP, sizeof GROUP - 1) == 0 && cookies_parse(names, numbers, sent);
        if (f)
                fclose(f);
        return found;
}
