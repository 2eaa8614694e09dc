/* ifaces.h - every host interface of wasi/, for the table in grants.c. */
#ifndef VYOMA_WASI_IFACES_H
#define VYOMA_WASI_IFACES_H

#include "vm/component.h"

/* wasi_io.c */
extern const cm_host_interface wasi_iface_error, wasi_iface_poll,
    wasi_iface_streams;
/* wasi_clocks.c */
extern const cm_host_interface wasi_iface_monotonic_clock,
    wasi_iface_wall_clock, wasi_iface_timezone;
/* wasi_random.c */
extern const cm_host_interface wasi_iface_random, wasi_iface_insecure,
    wasi_iface_insecure_seed;
/* wasi_cli.c */
extern const cm_host_interface wasi_iface_environment, wasi_iface_exit,
    wasi_iface_stdin, wasi_iface_stdout, wasi_iface_stderr,
    wasi_iface_terminal_input, wasi_iface_terminal_output,
    wasi_iface_terminal_stdin, wasi_iface_terminal_stdout,
    wasi_iface_terminal_stderr;
/* wasi_filesystem.c */
extern const cm_host_interface wasi_iface_filesystem_types, wasi_iface_preopens;
/* wasi_sockets*.c */
extern const cm_host_interface wasi_iface_network, wasi_iface_instance_network,
    wasi_iface_tcp, wasi_iface_tcp_create_socket, wasi_iface_udp,
    wasi_iface_udp_create_socket, wasi_iface_ip_name_lookup;
/* vyoma_process.c, vyoma_ipc.c */
extern const cm_host_interface vyoma_iface_process, vyoma_iface_ipc;

/* vyoma_ui*.c, vyoma_shell.c */
extern const cm_host_interface vyoma_iface_canvas, vyoma_iface_window,
    vyoma_iface_clipboard, vyoma_iface_shell;
/* wasi_http.c */
extern const cm_host_interface wasi_iface_http_types,
    wasi_iface_outgoing_handler;
/* wasi_config.c */
extern const cm_host_interface wasi_iface_config, wasi_iface_config_rc,
    wasi_iface_logging;
/* wasi_keyvalue.c */
extern const cm_host_interface wasi_iface_keyvalue_store,
    wasi_iface_keyvalue_batch, wasi_iface_keyvalue_atomics;

/* WASI 0.3: p3_*.c, and beside the 0.2 tables where the functions are the same
 */
extern const cm_host_interface wasi_p3_environment, wasi_p3_exit,
    wasi_p3_cli_types, wasi_p3_stdin, wasi_p3_stdout, wasi_p3_stderr,
    wasi_p3_terminal_input, wasi_p3_terminal_output, wasi_p3_terminal_stdin,
    wasi_p3_terminal_stdout, wasi_p3_terminal_stderr, wasi_p3_clocks_types,
    wasi_p3_monotonic_clock, wasi_p3_system_clock, wasi_p3_timezone,
    wasi_p3_random, wasi_p3_insecure, wasi_p3_insecure_seed,
    wasi_p3_filesystem_types, wasi_p3_preopens, wasi_p3_sockets_types,
    wasi_p3_ip_name_lookup, wasi_p3_http_types, wasi_p3_http_client;

#endif
