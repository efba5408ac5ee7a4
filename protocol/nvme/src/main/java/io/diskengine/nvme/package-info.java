/**
 * NVMe and NVMe-oF wire structures as named views over native addresses; no I/O, no allocation.
 *
 * <p>One final class per structure: an offset constant per field, a static accessor pair per field
 * that takes the structure's address, {@code SIZE}. Nothing here checks bounds or meaning.
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.nvme;
