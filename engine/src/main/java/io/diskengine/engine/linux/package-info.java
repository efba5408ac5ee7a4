/** Linux system calls through the foreign-function interface: files, sockets, memory, io_uring. */
@org.jspecify.annotations.NullMarked
package io.diskengine.engine.linux;
