/**
 * The NVMe-oF host: SPDK's {@code bdev_nvme} over TCP. Controllers are attached by address and
 * subsystem; each namespace becomes a device.
 *
 * <p>Who owns what: {@link io.diskengine.engine.host.NvmeHost}, groups, controllers and their admin
 * queues belong to the home reactor; a {@code ControllerChannel} with its I/O queue pair, and the
 * I/O on it, belong to the reactor that opened it.
 */
@NullMarked
package io.diskengine.engine.host;

import org.jspecify.annotations.NullMarked;
