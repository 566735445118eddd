/* cache/ghost.c: what went lately is known, for so long as was asked. */
#include <criterion/criterion.h>

#include "cache/ghost.h"

enum { MIB = 1 << 20 };

Test(ghost, what_went_lately_is_known_once)
{
        struct ghosts g = {0};

        ghosts_fit(&g, 1);
        ghosts_put(&g, 7, MIB);
        cr_expect_not(ghosts_take(&g, 8, 64 * MIB));
        cr_expect(ghosts_take(&g, 7, 64 * MIB));
        cr_expect_not(ghosts_take(&g, 7, 64 * MIB));
        ghosts_free(&g);
}

Test(ghost, what_went_long_ago_is_not)
{
        struct ghosts g = {0};

        ghosts_fit(&g, 1);
        ghosts_put(&g, 7, MIB);
        ghosts_put(&g, 8, 10 * MIB);
        ghosts_put(&g, 9, MIB);
        cr_expect_not(ghosts_take(&g, 7, 10 * MIB));
        cr_expect(ghosts_take(&g, 8, 10 * MIB));
        ghosts_free(&g);
}

Test(ghost, the_oldest_of_a_bucket_makes_room)
{
        struct ghosts g = {0};

        ghosts_fit(&g, 1);
        for (uint32_t i = 1; i <= 5; i++)
                ghosts_put(&g, i * (uint32_t)g.count, MIB);
        cr_expect_not(ghosts_take(&g, (uint32_t)g.count, 64 * MIB));
        for (uint32_t i = 2; i <= 5; i++)
                cr_expect(ghosts_take(&g, i * (uint32_t)g.count, 64 * MIB));
        ghosts_free(&g);
}

Test(ghost, all_are_known_still_when_it_has_grown)
{
        struct ghosts g = {0};

        ghosts_fit(&g, 1000);
        for (uint32_t i = 0; i < 200; i++)
                ghosts_put(&g, i, 1000);
        ghosts_fit(&g, 5000);
        cr_expect_geq(g.count, 5000);
        for (uint32_t i = 2; i < 200; i++) /* 0 counts as 1 */
                cr_expect(ghosts_take(&g, i, MIB));
        cr_expect(ghosts_take(&g, 0, MIB));
        ghosts_free(&g);
}

Test(ghost, without_memory_none_is_known)
{
        struct ghosts g = {0};

        ghosts_put(&g, 7, MIB);
        cr_expect_not(ghosts_take(&g, 7, MIB));
        ghosts_free(&g);
}
