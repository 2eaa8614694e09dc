/* test_netd.c - what netd decides, above all by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "supervisor/netd.h"

static netd_client *client_with(const char *listen, const char *connect)
{
    netd_client *c = netd_client_create();
    const char *why;
    assert_non_null(c);
    if (listen)
        assert_true(grant_address_parse(listen, &c->rules.listen[0], &why));
    if (connect)
        assert_true(grant_address_parse(connect, &c->rules.connect[0], &why));
    c->rules.nlisten = listen != NULL;
    c->rules.nconnect = connect != NULL;
    return c;
}

static netd_target at(grant_protocol protocol, const char *address,
                      uint16_t port)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;
    netd_target target = {.protocol = protocol};
    if (strchr(address, ':')) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        assert_int_equal(inet_pton(AF_INET6, address, &in6->sin6_addr), 1);
    } else {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        assert_int_equal(inet_pton(AF_INET, address, &in->sin_addr), 1);
    }
    assert_true(netd_target_from(&storage, &target));
    return target;
}

static bool connects(netd_client *c, const char *address, uint16_t port)
{
    netd_target target = at(GRANT_TCP, address, port);
    return netd_may_connect(c, &target);
}

static void learn(netd_client *c, const char *name, const char *address)
{
    netd_target target = at(GRANT_TCP, address, 1);
    netd_learn(c, name, target.address);
}

static void a_name_opens_what_was_looked_up_for_it(void **state)
{
    netd_client *c = client_with(NULL, "tcp:example.org:443");
    assert_false(connects(c, "93.184.216.34", 443));
    learn(c, "other.org", "93.184.216.34");
    assert_false(connects(c, "93.184.216.34", 443));
    learn(c, "EXAMPLE.org.", "93.184.216.34");
    assert_true(connects(c, "93.184.216.34", 443));
    assert_true(connects(c, "::ffff:93.184.216.34", 443));
    assert_false(connects(c, "93.184.216.34", 80));
    assert_false(connects(c, "93.184.216.35", 443));
    netd_target udp = at(GRANT_UDP, "93.184.216.34", 443);
    assert_false(netd_may_connect(c, &udp));
    netd_client_release(c);
}

/* Whoever owns the name must not reach into this machine. */
static void a_name_does_not_lead_home(void **state)
{
    static const char *const local[] = {
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"};
    netd_client *c = client_with(NULL, "tcp:example.org:*");
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        learn(c, "example.org", local[i]);
        assert_false(connects(c, local[i], 80));
    }
    netd_client_release(c);
}

static void many_answers_turn_the_table(void **state)
{
    netd_client *c = client_with(NULL, "tcp:example.org:80");
    char address[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(address, sizeof address, "10.0.%d.%d", i / 250, i % 250 + 1);
        learn(c, "example.org", address);
        assert_true(connects(c, address, 80));
    }
    assert_false(connects(c, "10.0.0.1", 80));
    netd_client_release(c);
}

static void names_are_resolved_only_if_listed(void **state)
{
    netd_client *c = client_with(NULL, "tcp:example.org:80");
    assert_true(netd_may_resolve(c, "example.org"));
    assert_true(netd_may_resolve(c, "Example.Org."));
    assert_false(netd_may_resolve(c, "example.org.evil"));
    assert_false(netd_may_resolve(c, "www.example.org"));
    assert_false(netd_may_resolve(c, ""));
    c->rules.resolve = 1;
    assert_true(netd_may_resolve(c, "anything"));
    netd_client_release(c);
}

static void port_zero_is_for_clients(void **state)
{
    netd_client *server = client_with("tcp:8080", NULL);
    netd_client *client = client_with(NULL, "tcp:10.0.2.2:80");
    netd_target any = at(GRANT_TCP, "0.0.0.0", 0);
    netd_target port = at(GRANT_TCP, "0.0.0.0", 8080);
    assert_false(netd_may_bind(server, &any));
    assert_true(netd_may_bind(client, &any));
    assert_false(netd_may_listen(client, &any));
    assert_true(netd_may_bind(server, &port));
    assert_false(netd_may_bind(client, &port));
    assert_true(netd_may_open(server, GRANT_TCP));
    assert_false(netd_may_open(server, GRANT_UDP));
    netd_client_release(server);
    netd_client_release(client);
}

/* The table turns: old peers are forgotten, never others let in. */
static void a_server_answers_who_asked(void **state)
{
    netd_client *c = client_with("udp:53", NULL);
    netd_target first = at(GRANT_UDP, "10.0.0.1", 4000);
    netd_target mapped = at(GRANT_UDP, "::ffff:10.0.0.1", 4000);
    netd_target port = at(GRANT_UDP, "10.0.0.1", 4001);
    assert_false(netd_may_answer(c, &first, 53));
    netd_hear(c, &first, 53);
    netd_hear(c, &first, 53);
    assert_int_equal(c->nheard, 1);
    assert_true(netd_may_answer(c, &first, 53));
    assert_true(netd_may_answer(c, &mapped, 53));
    assert_false(netd_may_answer(c, &first, 54));
    assert_false(netd_may_answer(c, &port, 53));
    assert_false(netd_may_connect(c, &first));
    for (uint16_t i = 0; i < 3 * NETD_HEARD; i++) {
        netd_target peer = at(GRANT_UDP, "10.0.0.2", (uint16_t)(5000 + i));
        netd_hear(c, &peer, 53);
        assert_true(netd_may_answer(c, &peer, 53));
    }
    assert_false(netd_may_answer(c, &first, 53));
    netd_client_release(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_opens_what_was_looked_up_for_it),
        cmocka_unit_test(a_name_does_not_lead_home),
        cmocka_unit_test(many_answers_turn_the_table),
        cmocka_unit_test(names_are_resolved_only_if_listed),
        cmocka_unit_test(port_zero_is_for_clients),
        cmocka_unit_test(a_server_answers_who_asked),
    };
    return cmocka_run_group_tests_name("netd", tests, NULL, NULL);
}
