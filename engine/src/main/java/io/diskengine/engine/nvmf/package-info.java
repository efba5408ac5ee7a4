/**
 * The NVMe/TCP target (SPDK's lib/nvmf). Everything about subsystems, listeners and controllers
 * lives on the home reactor, admin and fabrics commands are executed there; a connection and the
 * I/O commands on it belong to one reactor.
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.engine.nvmf;
