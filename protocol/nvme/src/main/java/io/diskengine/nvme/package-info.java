/** NVMe and NVMe-oF wire structures as named views over native memory or byte buffers; no I/O. */
@org.jspecify.annotations.NullMarked
package io.diskengine.nvme;
