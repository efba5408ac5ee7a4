/**
 * A world on virtual time for tests: hosts whose reactors run the production code on one thread, in
 * an order drawn from a seed, with simulated files and stream sockets.
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.engine.sim;
