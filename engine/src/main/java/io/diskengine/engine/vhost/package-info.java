/** vhost-user-blk: a device as a guest's disk, over a Unix socket and shared guest memory. */
@org.jspecify.annotations.NullMarked
package io.diskengine.engine.vhost;
