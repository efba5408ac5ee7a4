/** SPDK's JSON-RPC: codec, pipelined client, request and reply records. */
@org.jspecify.annotations.NullMarked
package io.diskengine.spdkrpc;
