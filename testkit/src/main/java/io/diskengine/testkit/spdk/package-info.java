/**
 * SPDK's rules in memory: what its RPCs answer, what its processes forget and what its disks keep,
 * and every read and write with its way. Time and chance are given from outside.
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.testkit.spdk;
