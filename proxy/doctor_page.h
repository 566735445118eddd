/* What of `limpid doctor` concerns the operator's page. */
#ifndef PROXY_DOCTOR_PAGE_H
#define PROXY_DOCTOR_PAGE_H

#include "proxy/config.h"
#include "setup/doctor.h"

/* Whether its files are there and its address can be had; that it has it, is taken on trust of a Limpid that runs. */
void doctor_page(const struct config *, bool running, void (*tell)(void *context, const struct finding *),
                 void *context);

#endif
