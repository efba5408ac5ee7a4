/**
 * The lvol store: SPDK's blobstore v3 on-disk format with the lvol store on it, read and written
 * byte for byte, and logical volumes as block devices.
 *
 * <p>All metadata belongs to the home reactor. Other reactors read the published {@link
 * io.diskengine.engine.lvol.ClusterMap}s and send requests for what must change.
 */
@org.jspecify.annotations.NullMarked
package io.diskengine.engine.lvol;
