/* The traces of the table. What share of the objects is asked for once only comes out of the mixture, at 0.4 to 0.8; it
 * stands in the table. */
#include "tests/bench/ratio/traces.h"

/* A store of 256 MiB stands for one of 1 GiB where it holds pages of the web, and for one of 4 GiB where it holds
 * games. */
#define WEB_TRACE  .requests = 600000, .sizes = WEB, .scale = 4
#define GAME_TRACE .requests = 300000, .objects = 40000, .sizes = GAME, .scale = 16
#define WEEK       .days = 7, .shift = 0.1, .news = 0.05

const struct trace_case traces[] = {
        {{"web 0.7", .seed = 1, WEB_TRACE, .objects = 300000, .zipf = 0.7, .once = 0.02}, 256},
        {{"web 0.8", .seed = 2, WEB_TRACE, .objects = 300000, .zipf = 0.8, .once = 0.05}, 256},
        {{"web 0.9", .seed = 3, WEB_TRACE, .objects = 200000, .zipf = 0.9, .once = 0.1}, 256},
        {{"web 1.0", .seed = 4, WEB_TRACE, .objects = 200000, .zipf = 1.0, .once = 0.1}, 256},
        {{"web, a week", .seed = 5, WEB_TRACE, .objects = 200000, .zipf = 0.9, .once = 0.1, WEEK}, 256},
        {{"web, scans", .seed = 6, WEB_TRACE, .objects = 200000, .zipf = 0.9, .once = 0.05, .sets = 4,
          .set_objects = 40000, .set_clients = 1, .set_share = 0.6},
         256},
        {{"games 0.8", .seed = 7, GAME_TRACE, .zipf = 0.8, .once = 0.05}, 256},
        {{"games 1.0", .seed = 8, GAME_TRACE, .zipf = 1.0, .once = 0.1}, 256},
        {{"games, a week", .seed = 9, GAME_TRACE, .zipf = 0.9, .once = 0.05, WEEK}, 256},
        {{"games, releases", .seed = 10, GAME_TRACE, .zipf = 0.9, .once = 0.05, .sets = 3, .set_objects = 3000,
          .set_clients = 12, .set_share = 0.7},
         256},
        {{"web and games", .seed = 11, WEB_TRACE, .objects = 200000, .zipf = 0.9, .once = 0.1, .games = 0.1, WEEK},
         384},
};

const size_t traces_count = sizeof traces / sizeof traces[0];
