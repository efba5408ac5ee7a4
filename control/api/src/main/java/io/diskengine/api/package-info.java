/** The controller: REST, OpenAPI, placement. */
@org.jspecify.annotations.NullMarked
package io.diskengine.api;
