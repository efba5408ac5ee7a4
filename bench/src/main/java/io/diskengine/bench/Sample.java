package io.diskengine.bench;

/**
 * One measured run.
 *
 * @param cpuNsPerOp CPU time of the side that serves, per operation; NaN when unknown
 * @param p99Ns of the time from sending to the answer; NaN when unknown
 * @param p999Ns of the same
 * @param stallNs the longest time without any answer; NaN when unknown
 */
record Sample(
    double opsPerSecond, double cpuNsPerOp, double p99Ns, double p999Ns, double stallNs) {}
