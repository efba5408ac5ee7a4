/**
 * One suite for every implementation of SPDK's RPC: what can be started and asked, and which
 * differences from SPDK are declared.
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.testkit.conformance;
