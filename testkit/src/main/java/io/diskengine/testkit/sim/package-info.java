/**
 * The deterministic simulator: the agents' own code on virtual time, against {@link
 * io.diskengine.testkit.spdk.FakeSpdk} and a store in memory, with every fault and law.
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.testkit.sim;
