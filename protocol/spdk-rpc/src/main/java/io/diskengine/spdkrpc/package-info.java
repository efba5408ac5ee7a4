/**
 * SPDK's JSON-RPC for Java: a pipelined client, typed methods, and the codec that a server needs
 * too.
 *
 * <pre>{@code
 * try (var spdk = SpdkRpcClient.connect("/var/tmp/spdk.sock")) {
 *   for (Bdev bdev : spdk.call(BdevMethods.bdevs()).orElseThrow()) {
 *     System.out.println(bdev.name() + " " + bdev.sizeBytes());
 *   }
 *   switch (spdk.call(LvolMethods.delete("lvs0/v1"))) {
 *     case RpcResult.Ok<Boolean> done -> {}
 *     case RpcResult.Rejected<Boolean> refused -> {}      // executed and refused: look again
 *     case RpcResult.Unavailable<Boolean> unsent -> {}    // surely not executed
 *     case RpcResult.Indeterminate<Boolean> unknown -> {} // look again; unknown.call() ends one day
 *   }
 * }
 * }</pre>
 *
 * <p>What is true of every release and easily got wrong:
 *
 * <ul>
 *   <li>Replies overtake each other; a synchronous call costs SPDK two poll periods (8 ms), so
 *       independent calls are submitted together.
 *   <li>An optional parameter that a release does not know fails the whole call: absent members are
 *       not written, and {@link io.diskengine.spdkrpc.SpdkDialect} knows the differences.
 *   <li>Error codes do not classify: see {@link io.diskengine.spdkrpc.SpdkError}.
 *   <li>True from a delete or detach says accepted, not gone.
 * </ul>
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.spdkrpc;
