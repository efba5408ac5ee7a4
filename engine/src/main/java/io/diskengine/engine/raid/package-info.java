/**
 * RAID over block devices with SPDK's superblock: assembly, redundancy, rebuild. Membership and
 * superblocks belong to the home reactor; channels learn of changes through {@code
 * BdevLayer.forEachChannel}.
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.engine.raid;
