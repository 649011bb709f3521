// SPDX-License-Identifier: Apache-2.0
// One of everything that the core must not have: the check has to find each of them here.
extern "C" {

int outside(int);
int fills(int*);
int state;

int uses_assembly(int x) {
    asm volatile("" : "+r"(x));
    return x;
}
int uses_volatile(const volatile int* x) {
    return *x;
}
int uses_pointer(int (*function)(int)) {
    return function(1);
}
int calls_out(int x) {
    return outside(x);
}
__attribute__((noinline)) int recurses(int x) {
    return x < 2 ? x : recurses(x - 1) * recurses(x - 2);
}
int writes_global(int x) {
    return state += x;
}
int loops_forever(const int* x) {
    int sum = 0;
    while (*x != 0) {
        sum += *x++;
    }
    return sum;
}
int sizes_at_run_time(int n) {
    int room[n]; // NOLINT: what the check is to find
    return fills(room);
}
}
