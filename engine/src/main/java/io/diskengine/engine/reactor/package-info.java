/** One thread that owns things: kernel I/O, timers, messages, pollers, on real or virtual time. */
@org.jspecify.annotations.NullMarked
package io.diskengine.engine.reactor;
