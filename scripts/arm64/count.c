/* A plugin of qemu-user that counts instructions by kind. Each prctl(0xE0E0, n) of the program prints the counts so far.
 *
 * Debian has no package with qemu-plugin.h, so what is used of it is declared here (version 1 of the interface).
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef struct {
    const char *target_name;
    struct { int min, cur; } version;
    bool system_emulation;
    union { struct { int smp_vcpus, max_vcpus; } system; };
} qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int op, void *counter, uint64_t amount);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, unsigned, int64_t, uint64_t,
    uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t));

enum { ADD_U64 = 0, PRCTL = 167, MARK = 0xE0E0 };
enum { ALL, SIMD, MULTIPLY, MEMORY, BRANCH, KINDS };
static uint64_t counts[KINDS], calls;

/* SIMD multiplies that do a network's work: widening and rounding ones, multiply-accumulate, dot products. */
static bool multiplies(uint32_t word) {
    if ((word & 0x9f200c00) == 0x0e200000) { /* three different sizes: SMLAL, SMLSL, SMULL and unsigned */
        unsigned op = word >> 12 & 15;
        return op == 8 || op == 10 || op == 12;
    }
    if ((word & 0x9f000400) == 0x0f000000) return true; /* by element */
    if ((word & 0x9f200400) == 0x0e200400) {            /* three of the same size: MLA, MUL, FMLA, FMUL */
        unsigned op = word >> 11 & 31;
        return op == 18 || op == 19 || op == 25 || op == 27;
    }
    return (word & 0xbf20fc00) == 0x0e009400 || (word & 0xbfe0fc00) == 0x0e809400; /* SDOT, UDOT */
}

/* By the main groups of the A64 encoding, bits 28 to 25. */
static void classify(uint32_t word, uint64_t *kinds) {
    unsigned group = word >> 25 & 15;
    kinds[ALL]++;
    if ((group & 7) == 7) {
        kinds[SIMD]++;
        kinds[MULTIPLY] += multiplies(word);
    } else if ((group & 5) == 4) kinds[MEMORY]++;
    else if ((group & 14) == 10) kinds[BRANCH]++;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
    uint64_t kinds[KINDS] = {0};
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        uint32_t word;
        memcpy(&word, qemu_plugin_insn_data(qemu_plugin_tb_get_insn(block, i)), sizeof word);
        classify(word, kinds);
    }
    for (int kind = 0; kind < KINDS; kind++)
        if (kinds[kind])
            qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &counts[kind], kinds[kind]);
}

static void called(qemu_plugin_id_t id, unsigned cpu, int64_t number, uint64_t first, uint64_t second, uint64_t a3,
                   uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8) {
    calls++;
    if (number == PRCTL && first == MARK) {
        fprintf(stderr, "MARK %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                second, counts[ALL], counts[SIMD], counts[MULTIPLY], counts[MEMORY], counts[BRANCH], calls);
        fflush(stderr);
    }
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
