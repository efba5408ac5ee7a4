/**
 * SPDK's JSON-RPC server and methods. JSON is read and written on threads of this package (contract
 * 11); handlers run on the home reactor and get decoded parameters.
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.engine.rpc;
