/** The reconcile runtime, storage-node mode and baremetal mode. */
@org.jspecify.annotations.NullMarked
package io.diskengine.agent;
