/**
 * Block devices, descriptors, channels, claims, examine; the RAM, null, file, error and delay
 * devices.
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.engine.bdev;
