/* cache/residency.c: which pages were in memory is remembered for some ticks, and not for longer. What is remembered is
 * spoilt, to see whether it counts: the map's last page lies behind the end of the file, and is never in memory. */
#include <criterion/criterion.h>

#include "cache/store_private.h"
#include "store_made.h"

static void set_up(void)
{
        make_store(64 << 20);
}

TestSuite(residency, .init = set_up, .fini = remove_store);

static uint64_t last_page(void)
{
        return store->map_len / store->page - 1;
}

static struct span bytes_of(uint64_t page)
{
        return (struct span){store->map + page * store->page + 100, 200};
}

static void spoil(uint64_t page)
{
        reader->pages[page % PAGE_SLOTS] =
                (struct seen_page){(uint16_t)(page / PAGE_SLOTS + 1), (uint16_t)reader->tick};
}

Test(residency, a_page_is_asked_for_again_after_some_ticks)
{
        spoil(last_page());
        for (int i = 0; i < SEEN_TICKS; i++) {
                cr_assert(lately_resident(reader, bytes_of(last_page())));
                reader_tick(reader);
        }
        cr_expect_not(lately_resident(reader, bytes_of(last_page())));
}

Test(residency, a_page_that_shares_a_slot_is_another)
{
        spoil(last_page());
        reader->pages[last_page() % PAGE_SLOTS].sharer++;
        cr_expect_not(lately_resident(reader, bytes_of(last_page())));
}

Test(residency, all_pages_of_some_bytes_count)
{
        struct span both = bytes_of(last_page() - 1);

        both.len = store->page;
        spoil(last_page() - 1);
        cr_expect(lately_resident(reader, bytes_of(last_page() - 1)));
        cr_expect_not(lately_resident(reader, both));
        spoil(last_page());
        cr_expect(lately_resident(reader, both));
}

Test(residency, what_is_in_memory_is_found_to_be_and_noted)
{
        struct span meta = {store->map, store->page};

        cr_assert_neq(*(volatile const char *)(meta.at + 24), 1); /* touched */
        cr_expect(lately_resident(reader, meta));
        cr_expect_eq(reader->pages[0].sharer, 1);
        cr_expect_eq(reader->pages[0].tick, reader->tick);
}

/* Ticks are noted in 16 bits: none may be there still when they come again. */
Test(residency, every_page_is_forgotten_before_ticks_come_again)
{
        for (uint64_t i = 0; i < PAGE_SLOTS; i++)
                spoil(i);
        for (int i = 0; i < PAGE_SWEEP; i++)
                reader_tick(reader);
        for (uint64_t i = 0; i < PAGE_SLOTS; i++)
                cr_assert_eq(reader->pages[i].sharer, 0);
}
